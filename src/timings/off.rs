//! Nobody can ask for timings: what is called where they are taken does nothing.
#![allow(missing_docs)]

use crate::fail::{Fail, Stage};
use crate::plan::Plan;
use crate::spec::Spec;
use crate::sys::{self, Signal, Stack, ZStr};

#[derive(Clone, Copy)]
pub struct Clock;

impl Clock {
    #[inline(always)]
    pub fn lap(self, _: Stage, _: Option<ZStr<'_>>) {}
    #[inline(always)]
    pub fn last(self, _: Stage, _: Option<ZStr<'_>>) {}
    #[inline(always)]
    pub fn born(self) {}
    #[inline(always)]
    pub fn let_go(&mut self, _: bool) {}
    #[inline(always)]
    pub fn kept(self, _: u32) -> u32 {
        u32::MAX
    }
    #[inline(always)]
    pub fn shift(self, _: u32, enter: impl FnOnce() -> sys::Result<()>) -> sys::Result<()> {
        enter()
    }
}

pub struct Timings {
    pub clock: Clock,
}

impl Timings {
    #[inline(always)]
    pub fn begin(_: Stack) -> Timings {
        Timings { clock: Clock }
    }
    #[inline(always)]
    pub fn parsed(&mut self, _: &Spec<'_>) -> Result<(), Fail<'static>> {
        Ok(())
    }
    #[inline(always)]
    pub fn planned(&self) {}
    #[inline(always)]
    pub fn open(&mut self, _: &Spec<'_>) -> Result<(), Fail<'static>> {
        Ok(())
    }
    #[inline(always)]
    pub fn child(&mut self, _: &Plan<'_>) -> Result<Clock, Fail<'static>> {
        Ok(Clock)
    }
    #[inline(always)]
    pub fn cloned(&self, _: bool) {}
    #[inline(always)]
    pub fn saw(&mut self, _: &Signal) -> bool {
        false
    }
    #[inline(always)]
    pub fn waited(&self) {}
    #[inline(always)]
    pub fn failed(&self, _: &Fail<'_>) {}
    #[inline(always)]
    pub fn tell(&self, _: u8) {}
}
