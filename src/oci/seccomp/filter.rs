//! A profile as a program. The kernel runs it at each call, and once for each number when it is loaded, to note what is
//! allowed in any case (since Linux 5.11): numbers are found by a binary search of ranges, before any argument is looked at.
//!
//! What is decided is what libseccomp decides for runc: a rule without conditions goes before those with any; else the
//! first whose conditions hold; programs of 32 bits are judged by the low halves of their arguments.

use super::calls::{Abi, Call, MULTIPLEXERS, Machine, NUMBERS, PRIVATE, X32, raw};
use super::program::{JEQ, JGE, JGT, Place, Program};
use super::{Condition, End, Item, Op, Profile, Wrong};

// Where the fields of struct seccomp_data are, linux/seccomp.h.
const NR: u32 = 0;
const ARCH: u32 = 4;
const ARGS: u32 = 16;

// linux/seccomp.h.
const KILL_THREAD: u32 = 0;
const ERRNO: u32 = 0x0005_0000;
const ALLOW: u32 = 0x7fff_0000;
const LOG: u32 = 0x7ffc_0000;
const TRACE: u32 = 0x7ff0_0000;
const ENOSYS: u32 = 38;

/// What is done with a number, before that is a place: nothing is said of it, or its arguments decide. Else a place and 1.
const UNSAID: u16 = 0;
const CONDITIONS: u16 = u16::MAX;

/// The calls of one way to call the kernel.
struct Section<'a> {
    program: &'a mut Program,
    profile: &'a Profile,
    abi: Abi,
    /// Where the default action is, and that for calls which are newer than any that the profile names.
    default: Place,
    newer: Place,
    /// What is done with each number.
    what: [u16; NUMBERS as usize],
    /// Where numbers begin of which another thing is done than before.
    first: [u16; NUMBERS as usize],
}

/// The program of a profile.
pub fn compile(machine: &Machine, profile: &Profile) -> Result<&'static [u64], Wrong> {
    let mut program = Program::default();
    // Programs of a kind that isn't listed are none that the profile knows the numbers of.
    let other = program.ret(KILL_THREAD)?;
    let default = program.ret(profile.default)?;
    // A newer libc tries new calls, and falls back on old ones where ENOSYS says that there are none. As runc does.
    let newer = match profile.default & 0xffff_0000 {
        ALLOW | LOG | TRACE => default,
        _ if profile.default_errno == Some(ENOSYS) => default,
        _ => program.ret(ERRNO | ENOSYS)?,
    };
    let mut arch = other;
    if profile.compat {
        let root = section(&mut program, profile, Abi::Compat, default, newer)?;
        let start = program.load(NR, u32::MAX, root)?;
        let [_, audit] = machine.audit;
        // What comes first is decided last: see below.
        arch = program.jump(JEQ, audit, start, other)?;
    }
    let x32 = if profile.x32 {
        Some(section(&mut program, profile, Abi::X32, default, newer)?)
    } else if machine.has_x32() {
        // A tracer that wants a call to be skipped makes its number -1.
        Some(program.jump(JEQ, u32::MAX, default, other)?)
    } else {
        None
    };
    let mut root = section(&mut program, profile, Abi::Native, default, newer)?;
    if let Some(x32) = x32 {
        root = program.jump(JGE, X32, x32, root)?;
    }
    let start = program.load(NR, u32::MAX, root)?;
    let [audit, _] = machine.audit;
    let root = program.jump(JEQ, audit, start, arch)?;
    program.load(ARCH, u32::MAX, root)?;
    Ok(program.finish())
}

/// Where the search for a number begins.
#[inline(never)]
fn section(
    program: &mut Program,
    profile: &Profile,
    abi: Abi,
    default: Place,
    newer: Place,
) -> Result<Place, Wrong> {
    let (what, first) = ([UNSAID; NUMBERS as usize], [0; NUMBERS as usize]);
    let mut section = Section { program, profile, abi, default, newer, what, first };
    let newest = section.sort()?;
    let len = section.ranges(newest)?;
    section.search(0, len)
}

impl Section<'_> {
    /// Notes what is done with each number; the highest that is named.
    fn sort(&mut self) -> Result<Option<u16>, Wrong> {
        let (profile, abi) = (self.profile, self.abi);
        let mut newest = None;
        // The last one first: what is said of a number earlier goes before what is said later.
        for rule in profile.rules_backwards() {
            let End { action, conditional, .. } = rule.end;
            let said = if conditional { CONDITIONS } else { self.program.ret(action)? as u16 + 1 };
            for call in rule.calls() {
                let number = call.number(abi);
                newest = newest.max(number.filter(|n| *n < PRIVATE));
                if action != profile.default {
                    self.say(number, said);
                    self.say(call.other_way(abi).map(|(number, _)| number), CONDITIONS);
                }
            }
        }
        Ok(newest)
    }

    /// Notes it: conditions count where nothing else does.
    fn say(&mut self, number: Option<u16>, said: u16) {
        if let Some(what) = number.and_then(|n| self.what.get_mut(usize::from(n)))
            && (said != CONDITIONS || *what == UNSAID)
        {
            *what = said;
        }
    }

    /// Puts a place for each thing that is done, and makes ranges of numbers with the same: how many there are.
    fn ranges(&mut self, newest: Option<u16>) -> Result<usize, Wrong> {
        let mut len = 0usize;
        let mut last = None;
        // The first that is newer stands for all of them.
        let mut end = newest.map_or(1, |newest| newest.wrapping_add(2));
        // A rule may be about another way alone, whose number is higher than all that have names in it.
        for number in MULTIPLEXERS {
            if self.what.get(usize::from(number)).is_some_and(|what| *what != UNSAID) {
                end = end.max(number.wrapping_add(2));
            }
        }
        for number in (0..end).chain(PRIVATE..NUMBERS) {
            let place = match self.what.get(usize::from(number)).copied().unwrap_or(UNSAID) {
                UNSAID if newest.is_some_and(|newest| number > newest) => self.newer,
                UNSAID => self.default,
                CONDITIONS => match self.known(number, len) {
                    Some(place) => place,
                    None => self.conditions(number)?,
                },
                said => usize::from(said.wrapping_sub(1)),
            };
            if last.replace(place) != Some(place)
                && let (Some(what), Some(first)) = (self.what.get_mut(len), self.first.get_mut(len))
            {
                // No more ranges than numbers that were looked at.
                (*what, *first) = (place as u16, number);
                len = len.wrapping_add(1);
            }
        }
        Ok(len)
    }

    /// Among the first ranges, the place of conditions that are those of this number too.
    fn known(&self, number: u16, ranges: usize) -> Option<Place> {
        let named = |rule: &Rule<'_>, number| rule.calls().any(|call| call.number(self.abi) == Some(number));
        let same = |first: u16| {
            let mut rules = self.profile.rules_backwards().filter(|rule| rule.end.conditional);
            rules.all(|rule| named(&rule, first) == named(&rule, number))
                && !MULTIPLEXERS.contains(&first)
                && !MULTIPLEXERS.contains(&number)
        };
        let mut both = self.first.iter().zip(self.what.iter()).take(ranges);
        let found = both.find(|(first, what)| !self.program.ends(usize::from(**what)) && same(**first));
        found.map(|(_, what)| usize::from(*what))
    }

    /// What decides about a number by its arguments.
    #[inline(never)]
    fn conditions(&mut self, number: u16) -> Result<Place, Wrong> {
        let (profile, abi) = (self.profile, self.abi);
        let mut no = self.default;
        let mut rules = profile.rules_backwards().filter(|rule| rule.end.action != profile.default);
        let other = abi == Abi::Compat && MULTIPLEXERS.contains(&number);
        while let Some(rule) = rules.find(|rule| rule.end.conditional || other) {
            let yes = self.program.ret(rule.end.action)?;
            for call in rule.calls() {
                if call.number(abi) == Some(number) {
                    no = self.rule(rule, None, yes, no)?;
                } else if let Some((other, argument)) = call.other_way(abi)
                    && other == number
                {
                    no = self.rule(rule, Some(argument), yes, no)?;
                }
            }
        }
        Ok(no)
    }

    /// Leads there if a rule's conditions hold: all; any, where one argument has more than one. Its call is told by the
    /// first argument of another, perhaps.
    fn rule(&mut self, rule: Rule<'_>, argument: Option<u16>, yes: Place, no: Place) -> Result<Place, Wrong> {
        let told = argument.map(|n| Condition { index: 0, op: Op::Equal, value: n.into(), second: 0 });
        let any = rule.end.any;
        let (mut all, mut one) = (yes, no);
        for condition in rule.conditions_backwards().filter(|c| told.is_none() || c.index != 0 || any) {
            if any {
                let mut place = yes;
                if told.is_none() || condition.index != 0 {
                    place = self.condition(condition, place, one)?;
                }
                if let Some(told) = told {
                    place = self.condition(told, place, one)?;
                }
                one = place;
            } else {
                all = self.condition(condition, all, no)?;
            }
        }
        match told {
            _ if any => Ok(one),
            Some(told) => self.condition(told, all, no),
            None => Ok(all),
        }
    }

    /// Compares an argument.
    #[inline(never)]
    fn condition(&mut self, condition: Condition, yes: Place, no: Place) -> Result<Place, Wrong> {
        let Condition { index, op, value, second } = condition;
        let (yes, no) = if op.negated() { (no, yes) } else { (yes, no) };
        let (code, value, mask) = match op {
            Op::Equal | Op::NotEqual => (JEQ, value, u64::MAX),
            Op::Masked => (JEQ, second & value, value),
            Op::GreaterEqual | Op::Less => (JGE, value, u64::MAX),
            Op::Greater | Op::LessEqual => (JGT, value, u64::MAX),
        };
        let field = ARGS.wrapping_add(u32::from(index) << 3);
        let [low, high] = [value as u32, (value >> 32) as u32];
        let [low_mask, high_mask] = [mask as u32, (mask >> 32) as u32];
        let compare = self.program.jump(code, low, yes, no)?;
        let start = self.program.load(field, low_mask, compare)?;
        if self.abi != Abi::Native || high_mask == 0 {
            return Ok(start);
        }
        let mut compare = self.program.jump(JEQ, high, start, no)?;
        if code != JEQ {
            compare = self.program.jump(JGT, high, yes, compare)?;
        }
        self.program.load(field.wrapping_add(4), high_mask, compare)
    }

    /// Searches in a part of the ranges, which is not empty.
    fn search(&mut self, from: usize, to: usize) -> Result<Place, Wrong> {
        let what = |n: usize| usize::from(self.what.get(n).copied().unwrap_or_default());
        let first = |n: usize| self.first.get(n).copied().unwrap_or_default();
        let number = |n: usize| raw(first(n)) | if self.abi == Abi::X32 { X32 } else { 0 };
        let len = to.wrapping_sub(from);
        if len <= 1 {
            return Ok(what(from));
        }
        // A single one among others.
        let (one, rest) = (from.wrapping_add(1), from.wrapping_add(2));
        if len == 3 && what(from) == what(rest) && first(one).wrapping_add(1) == first(rest) {
            return self.program.jump(JEQ, number(one), what(one), what(from));
        }
        let middle = from.wrapping_add(len >> 1);
        let number = number(middle);
        let above = self.search(middle, to)?;
        let below = self.search(from, middle)?;
        self.program.jump(JGE, number, above, below)
    }
}

/// A rule, as it stands in the list: calls and conditions, in any order.
#[derive(Clone, Copy)]
struct Rule<'a> {
    items: &'a [Item],
    end: End,
}

/// Rules, the last one first.
struct Rules<'a>(&'a [Item]);

impl<'a> Iterator for Rules<'a> {
    type Item = Rule<'a>;
    fn next(&mut self) -> Option<Rule<'a>> {
        let [before @ .., Item::End(end)] = self.0 else { return None };
        let (rest, items) = before.split_at_checked(before.len().wrapping_sub(end.len as usize))?;
        self.0 = rest;
        Some(Rule { items, end: *end })
    }
}

impl Profile {
    fn rules_backwards(&self) -> Rules<'_> {
        Rules(&self.items)
    }
}

impl Rule<'_> {
    fn calls(&self) -> impl Iterator<Item = Call> {
        self.items.iter().filter_map(|item| if let Item::Call(call) = item { Some(*call) } else { None })
    }

    fn conditions_backwards(&self) -> impl Iterator<Item = Condition> {
        self.items
            .iter()
            .rev()
            .filter_map(|item| if let Item::When(when) = item { Some(*when) } else { None })
    }
}
