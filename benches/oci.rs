//! `run`, and `create` + `start` + `delete`, of one bundle by OCI runtimes, and `vesicle run` for the same request.
//!
//!     cargo bench --bench oci -- ROUNDS NAME=RUNTIME...
//!
//! The first NAME is what ratios are to. The bundle is that of `RUNTIME spec` of the first, with a root filesystem of busybox
//! whose COMMAND is `true`; state is kept in memory, as below /run of most machines. What NAME `vesicle` is gets the same request on
//! its command line, but for the rules for devices, which it has none of. Each round runs all of them once, in an order that
//! turns; the exit status of each is looked at: a time of a run that failed is none. As root; docs/oci.md says what crun
//! needs.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// A runtime, or vesicle, and its times of both requests.
struct Tool {
    name: String,
    program: String,
    times: [Vec<Duration>; 2],
}

/// With files for its stdio: what is created holds it.
fn call(program: &str, args: &[&str], at: &Path) -> Result<(), String> {
    let log = fs::File::create(at.join("stderr")).map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.args(args).current_dir(at).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let status = command.status().map_err(|e| e.to_string())?;
    let said = || fs::read_to_string(at.join("stderr")).unwrap_or_default();
    if status.success() { Ok(()) } else { Err(format!("{program} {args:?}: {status}: {}", said())) }
}

/// What the bundle says, in options.
const SAME: &str = "--read-only --hostname vesicle --dev /dev --perms 1777 --tmpfs /dev/shm --mqueue /dev/mqueue --sysfs /sys \
--cgroup /sys/fs/cgroup --cap-drop ALL --cap-add AUDIT_WRITE --cap-add KILL --cap-add NET_BIND_SERVICE --rlimit nofile=1024";

/// Where runtimes keep their state.
const STATE: &str = "/dev/shm/vesicle-bench-oci";

fn once(tool: &Tool, bundle: &Path, request: usize, id: &str) -> Result<Duration, String> {
    let verb = |words: &[&str]| call(&tool.program, &[&["--root", STATE], words].concat(), bundle);
    let start = Instant::now();
    if tool.name == "vesicle" {
        let options: Vec<&str> = SAME.split_whitespace().collect();
        call(
            &tool.program,
            &[&["run", "--cgroup", id], &options[..], &["rootfs", "/bin/true"]].concat(),
            bundle,
        )?;
    } else if request == 0 {
        verb(&["run", id])?;
    } else {
        verb(&["create", id])?;
        verb(&["start", id])?;
        // Its end is not waited for: --force kills it, if it has to.
        verb(&["delete", "--force", id])?;
    }
    Ok(start.elapsed())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn bench(words: &[String]) -> Result<(), String> {
    let (rounds, tools) = words.split_first().ok_or("ROUNDS NAME=RUNTIME...")?;
    let rounds: usize = rounds.parse().map_err(|_| "ROUNDS is no number")?;
    let mut tools = tools
        .iter()
        .map(|word| {
            let (name, program) = word.split_once('=').ok_or("not NAME=RUNTIME")?;
            Ok(Tool { name: name.into(), program: program.into(), times: Default::default() })
        })
        .collect::<Result<Vec<_>, &str>>()?;
    let scratch = std::env::temp_dir().join(format!("vesicle-bench-oci-{}", std::process::id()));
    let bundle = scratch.join("bundle");
    let made = || -> std::io::Result<()> {
        fs::create_dir_all(bundle.join("rootfs/bin"))?;
        for dir in ["proc", "sys", "dev"] {
            fs::create_dir_all(bundle.join("rootfs").join(dir))?;
        }
        fs::copy("/bin/busybox", bundle.join("rootfs/bin/true"))?;
        Ok(())
    };
    made().map_err(|e| e.to_string())?;
    let first = tools.first().ok_or("no runtime")?.program.clone();
    call(&first, &["spec"], &bundle)?;
    let config = bundle.join("config.json");
    let text = fs::read_to_string(&config).map_err(|e| e.to_string())?;
    // Some refuse a version that is newer than they are.
    let text = text.replace("\"ociVersion\": \"1.2.0\"", "\"ociVersion\": \"1.0.2\"");
    let text = text.replace("\"terminal\": true", "\"terminal\": false").replace("\"sh\"", "\"/bin/true\"");
    fs::write(&config, text).map_err(|e| e.to_string())?;
    let done = rounds_of(&mut tools, rounds, &bundle);
    let _ = fs::remove_dir_all(&scratch);
    let _ = fs::remove_dir_all(STATE);
    done?;
    for (request, title) in ["run", "create, start, delete"].iter().enumerate() {
        println!("\n| {title} | median, µs | least, µs | over {} |\n|---|---|---|---|", tools[0].name);
        for tool in &tools {
            let micros = |d: &Duration| d.as_secs_f64() * 1e6;
            let own = &tool.times[request];
            let pairs = own.iter().zip(&tools[0].times[request]);
            let ratio = median(pairs.map(|(own, first)| micros(own) / micros(first)).collect());
            let least = own.iter().map(micros).fold(f64::INFINITY, f64::min);
            println!(
                "| {} | {:.0} | {least:.0} | {ratio:.2} |",
                tool.name,
                median(own.iter().map(micros).collect())
            );
        }
    }
    Ok(())
}

fn rounds_of(tools: &mut [Tool], rounds: usize, bundle: &Path) -> Result<(), String> {
    for request in 0..2 {
        // The first two rounds are to have everything in memory.
        for round in 0..rounds + 2 {
            for place in 0..tools.len() {
                let at = (place + round) % tools.len();
                let time =
                    once(&tools[at], bundle, request, &format!("bench-{}-{round}", std::process::id()))?;
                if round >= 2 {
                    tools[at].times[request].push(time);
                }
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.is_empty() {
        println!("ROUNDS NAME=RUNTIME...: see benches/oci.rs");
        return ExitCode::SUCCESS;
    }
    words.retain(|word| !word.is_empty());
    match bench(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
