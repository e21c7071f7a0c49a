//! Many launches at once: one parent a core and more, each launching one after the other.

use crate::measure::{Role, Tool};
use crate::spawner::Spawner;
use crate::statistics::{Interval, median, ratio};
use std::io;
use std::time::Instant;

/// Launches a second of each tool that works, with all of `spawners` launching `each` at once, so many rounds.
pub fn measure(
    tools: &mut [Tool],
    spawners: &mut [Spawner],
    each: u32,
    rounds: usize,
    progress: &mut dyn FnMut(f64),
) {
    let mut rates: Vec<Vec<Option<f64>>> = vec![Vec::new(); tools.len()];
    let mut failed = vec![0; tools.len()];
    let mut order: Vec<usize> = (0..tools.len()).collect();
    for round in 0..rounds {
        progress(round as f64 / rounds as f64);
        fastrand::shuffle(&mut order);
        for &n in &order {
            let tool = &mut tools[n];
            let done = if tool.works() { burst(tool, spawners, each) } else { None };
            failed[n] += done.map_or(0, |(_, failed)| failed);
            rates[n].push(done.map(|(rate, _)| rate));
        }
    }
    let floor = tools.iter().position(|t| t.role == Role::Floor).map(|n| rates[n].clone());
    for ((tool, rates), failed) in tools.iter_mut().zip(rates).zip(failed) {
        let whole = |i: Interval| Interval { value: i.value.round(), from: i.from.round(), to: i.to.round() };
        tool.row.per_second_to_floor = floor.as_ref().and_then(|f| ratio(&rates, f));
        tool.row.per_second = median(rates.into_iter().flatten().collect()).map(whole);
        if failed > 0 {
            let all = rounds * spawners.len() * each as usize;
            tool.row.failed = Some(format!("{failed} launches of {all} failed"));
        }
    }
}

/// Launches a second that succeeded, and how many failed.
fn burst(tool: &mut Tool, spawners: &mut [Spawner], each: u32) -> Option<(f64, usize)> {
    let begin = Instant::now();
    let done = all(tool, spawners, each);
    let took = begin.elapsed().as_secs_f64();
    match done {
        Ok(failed) => Some(((each as usize * spawners.len() - failed) as f64 / took, failed)),
        Err(e) => {
            tool.row.failed = Some(e.to_string());
            None
        }
    }
}

/// How many failed.
fn all(tool: &Tool, spawners: &mut [Spawner], each: u32) -> io::Result<usize> {
    for (n, spawner) in spawners.iter_mut().enumerate() {
        spawner.ask(&tool.words(&n.to_string()), &tool.env(), each)?;
    }
    let mut failed = 0;
    for spawner in spawners {
        for _ in 0..each {
            failed += usize::from(!spawner.answer()?.status.success());
        }
    }
    Ok(failed)
}
