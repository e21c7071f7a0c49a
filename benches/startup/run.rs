//! A run: every case that is asked for.

use crate::Asked;
use crate::cases::{Kind, NAMESPACES};
use crate::common::{Who, is_root, scratch, shipped, tiny_root, uid_of};
use crate::containers::Sleepers;
use crate::measure::{Limits, Role, Tool, figures, measure};
use crate::peers::{self, Peer};
use crate::results::{Case, Results, Row};
use crate::spawner::{Situation, Spawner};
use crate::template::{self, Template};
use crate::verdict::{CHROOT, MOVED, NOT_ROOT, PINNED, SAFE};
use crate::{bundle, count, machine, programs, surroundings, throughput};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sched::CloneFlags;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// A run in progress.
struct Run<'a> {
    asked: &'a Asked,
    vesicle: PathBuf,
    /// A link to it, by a name that makes it another init.
    as_tini: PathBuf,
    peers: Vec<Peer>,
    /// An empty folder that everybody can reach.
    mount_on: PathBuf,
    bar: ProgressBar,
    /// What others begin in, from when it is needed on, and its rootfs.
    template: Option<(Template, PathBuf)>,
    /// The peers whose instructions were counted.
    counted: HashSet<String>,
    results: Results,
}

/// What a tool launches.
#[derive(Clone, Copy)]
enum Payload {
    Ends,
    Sleeps,
}

impl Payload {
    fn path(self) -> &'static str {
        match self {
            Payload::Ends => "/bin/true",
            Payload::Sleeps => "/bin/sleeper",
        }
    }
}

/// Everything that is asked for.
pub fn all(asked: &Asked) -> Results {
    let _surroundings = surroundings::make();
    let mount_on = scratch().join("mounts");
    fs::create_dir(&mount_on).expect("mkdir");
    let vesicle = scratch().join("vesicle");
    fs::copy(shipped(), &vesicle).expect("a copy of vesicle");
    let as_tini = scratch().join("names/tini");
    fs::create_dir(scratch().join("names")).expect("mkdir");
    symlink(&vesicle, &as_tini).expect("symlink");
    let mut run = Run {
        asked,
        vesicle,
        as_tini,
        peers: peers::find(&asked.peers),
        mount_on,
        bar: bar(),
        template: None,
        counted: HashSet::new(),
        results: Results { machine: machine::this(), ..Results::default() },
    };
    let sizes: &[usize] = if asked.quick { &[0, 50] } else { &[0, 100, 1000, 5000] };
    for kind in Kind::EVERY {
        run.launches(kind);
    }
    run.namespaces();
    run.placement();
    run.mounts(sizes);
    run.containers(sizes);
    run.at_once();
    run.bar.finish_and_clear();
    run.results
}

fn bar() -> ProgressBar {
    let style = "{elapsed_precise} {bar:30} {percent:>3} % {msg}";
    ProgressBar::new(1000).with_style(ProgressStyle::with_template(style).expect("a template"))
}

impl Run<'_> {
    fn limits(&self) -> Limits {
        match self.asked.quick {
            true => Limits { rounds: 20, at_least: 5, time: Duration::from_millis(1000) },
            false => Limits {
                rounds: self.asked.rounds,
                at_least: 30,
                time: Duration::from_secs(self.asked.seconds),
            },
        }
    }

    /// Where something grows, and there is much to be measured.
    fn less(&self) -> Limits {
        let limits = self.limits();
        Limits { time: limits.time / 4, ..limits }
    }

    /// Says what comes next; where nobody sees a bar, by a line.
    fn begin(&self, what: &str) {
        self.bar.set_position(0);
        self.bar.set_message(what.to_string());
        if self.bar.is_hidden() {
            eprintln!("{what}");
        }
    }

    fn finish(&mut self, name: &str, title: &str, at: Option<usize>, tools: Vec<Tool>) {
        let rows = tools.into_iter().map(|t| t.row).collect();
        self.results.cases.push(Case { name: name.into(), title: title.into(), at, rows });
    }

    /// The floor, vesicle and all peers that can do this.
    /// Those that are measured where something grows.
    fn tools(&self, kind: Kind, payload: Payload) -> Vec<Tool> {
        self.tools_on(&rootfs(), kind, payload, true)
    }

    fn tools_on(&self, root: &Path, kind: Kind, payload: Payload, growing: bool) -> Vec<Tool> {
        let who = if is_root() && !kind.is_users() { Who::Root } else { Who::User };
        fs::copy(programs::sleeper(), root.join("bin/sleeper")).expect("a copy of the sleeper");
        let command = payload.path();
        // An init finds its command where it is.
        let there =
            if kind == Kind::Init { format!("{}{command}", root.display()) } else { command.to_string() };
        let floor = programs::floor(kind, root, &there, uid_of(who));
        let mut tools = vec![
            tool(Role::Floor, "floor", &floor, "{}", root, command),
            tool(Role::Vesicle, "vesicle", &self.vesicle, kind.vesicle(), root, command),
        ];
        if kind == Kind::Cgroup {
            let moved = programs::floor_with(kind, root, &there, uid_of(who), Some("moved"));
            tools.push(tool(Role::Peer, MOVED, &moved, "{}", root, command));
        }
        // What it can be told instead, or is called.
        let others: &[(&str, &Path, &str)] = match kind {
            Kind::All => &[
                (CHROOT, &self.vesicle, "{} run --privileged --chroot {root} {command}"),
                (SAFE, &self.vesicle, "{} run {root} {command}"),
            ],
            Kind::NoNet => &[
                (CHROOT, &self.vesicle, "{} run --privileged --chroot --share-net {root} {command}"),
                (SAFE, &self.vesicle, "{} run --share-net {root} {command}"),
            ],
            Kind::User => &[(SAFE, &self.vesicle, "{} run {root} {command}")],
            Kind::Init => &[("vesicle as tini", &self.as_tini, "{} -s -- {root}{command}")],
            _ => &[],
        };
        for (name, program, line) in others.iter().filter(|o| !growing || o.0 != SAFE) {
            tools.push(tool(Role::Peer, name, program, line, root, command));
        }
        if kind == Kind::Template {
            let line = template::BELOW;
            tools.push(tool(Role::Peer, template::IMAGE, &self.vesicle, line, root, command));
            if let Some((template, _)) = &self.template {
                let more = Some(programs::TEMPLATE);
                let floor = programs::floor_with(kind, root, command, template.pid as u32, more);
                tools.push(tool(Role::Peer, template::FLOOR, &floor, "{}", root, command));
            }
        }
        if growing && kind == Kind::NoNet {
            let line = template::SAME;
            tools.push(tool(Role::Peer, template::TEMPLATE, &self.vesicle, line, root, command));
        }
        if let Some((template, _)) = &self.template {
            tools.iter_mut().for_each(|tool| template.name(tool));
        }
        bundle::write(kind, root, command, uid_of(who));
        for peer in self.peers.iter().filter(|p| !growing || p.grows()) {
            if let Some((words, differs)) = peer.words(kind) {
                let mut tool = tool(Role::Peer, &peer.name, &peer.program, words, root, command);
                tool.row.version = peer.version.clone();
                tool.row.differs = (!differs.is_empty()).then(|| differs.to_string());
                tools.push(tool);
            }
        }
        for tool in &mut tools {
            if kind.needs_root() && !is_root() {
                tool.row.failed = Some(NOT_ROOT.into());
            }
        }
        tools
    }

    fn try_all(&self, tools: &mut [Tool], situation: &Situation) {
        for tool in tools.iter_mut().filter(|t| t.works()) {
            self.bar.set_message(format!("{}: does it work?", tool.row.tool));
            tool.try_once(situation, &self.mount_on);
        }
    }

    fn measure(&self, tools: &mut [Tool], spawner: &mut Spawner, limits: Limits, what: &str) {
        self.begin(what);
        let bar = &self.bar;
        measure(tools, spawner, limits, &mut |share| bar.set_position((share * 1000.0) as u64));
        figures(tools);
    }

    fn spawner(&self, situation: &Situation) -> Spawner {
        Spawner::start(situation, &self.mount_on).expect("the parent of what is measured")
    }

    /// One kind of launch.
    fn launches(&mut self, kind: Kind) {
        if !self.asked.wants(kind.name()) {
            return;
        }
        let uid = (kind.is_users() && is_root()).then(|| uid_of(Who::User));
        let situation = Situation { uid, ..Situation::default() };
        let root = if kind == Kind::Template { self.template() } else { rootfs() };
        let mut tools = self.tools_on(&root, kind, Payload::Ends, false);
        self.try_all(&mut tools, &situation);
        self.measure(&mut tools, &mut self.spawner(&situation), self.limits(), kind.title());
        self.count(&mut tools, &root.join("bin/true"), uid);
        self.finish(kind.name(), kind.title(), None, tools);
    }

    /// The rootfs of the template, which lives from now on.
    fn template(&mut self) -> PathBuf {
        if let Some((_, root)) = &self.template {
            return root.clone();
        }
        let root = rootfs();
        if is_root() {
            self.template = Template::start(&self.vesicle, &root).map(|template| (template, root.clone()));
        }
        root
    }

    /// What there is no noise in. The instructions of a tool are counted once: it takes minutes, and they differ by little.
    fn count(&mut self, tools: &mut [Tool], payload: &Path, uid: Option<u32>) {
        let limit = Duration::from_millis(if self.asked.quick { 300 } else { 25_000 });
        for tool in tools.iter_mut().filter(|t| t.works()) {
            self.bar.set_message(format!("{}: counting what it does", tool.row.tool));
            let steps = tool.role != Role::Peer || self.counted.insert(tool.row.tool.clone());
            match count::count(&tool.words("count"), &tool.env(), payload, uid, steps, limit) {
                Ok(counts) => {
                    tool.row.system_calls = counts.system_calls;
                    tool.row.peak_kib = counts.peak_kib;
                    tool.row.cpuid = counts.cpuid.map(|n| n.to_string());
                    tool.row.instructions = counts.instructions.map(|n| n.to_string());
                }
                Err(e) => tool.row.failed = Some(format!("what it does can't be counted: {e}")),
            }
            // Of a runtime that was killed when its time was up.
            let _ = fs::remove_dir("/sys/fs/cgroup/bench-count");
        }
    }

    /// What each namespace costs: a clone(2) and an execve(2) without, with each of them alone, and with all.
    fn namespaces(&mut self) {
        if !self.asked.wants("namespaces") {
            return;
        }
        let root = tiny_root(Who::Root);
        let command = format!("{}/bin/true", root.display());
        let all = NAMESPACES.iter().fold(CloneFlags::empty(), |all, (_, flag)| all | *flag);
        let every = [("none", CloneFlags::empty())].into_iter().chain(NAMESPACES).chain([("all", all)]);
        let mut tools: Vec<Tool> = every
            .map(|(name, flags)| {
                let floor = programs::floor(Kind::Flags(flags), &root, &command, 0);
                let role = if name == "none" { Role::Floor } else { Role::Vesicle };
                tool(role, name, &floor, "{}", &root, &command)
            })
            .collect();
        for tool in tools.iter_mut().filter(|_| !is_root()) {
            tool.row.failed = Some(NOT_ROOT.into());
        }
        let situation = Situation::default();
        self.try_all(&mut tools, &situation);
        self.measure(&mut tools, &mut self.spawner(&situation), self.limits(), "one namespace");
        self.finish("namespaces", "clone and execve, with one new namespace each", None, tools);
    }

    /// Pinned and not, with so many processes for each CPU that do nothing but run.
    fn placement(&mut self) {
        if !self.asked.wants("placement") {
            return;
        }
        let kind = Kind::NoNet;
        let (root, situation) = (rootfs(), Situation::default());
        for each in [0, 1, 4] {
            let mut tools = self.tools_on(&root, kind, Payload::Ends, true);
            tools.retain(|t| ["floor", "vesicle"].contains(&t.row.tool.as_str()));
            let pinned = programs::floor_with(kind, &root, "/bin/true", 0, Some("pin"));
            tools.push(tool(Role::Peer, PINNED, &pinned, "{}", &root, "/bin/true"));
            let line = "{} run --privileged --share-net --pin {root} {command}";
            tools.push(tool(Role::Peer, "vesicle --pin", &self.vesicle, line, &root, "/bin/true"));
            for tool in tools.iter_mut().filter(|_| !is_root()) {
                tool.row.failed = Some(NOT_ROOT.into());
            }
            self.try_all(&mut tools, &situation);
            let what = format!("{each} busy processes for each CPU");
            let busy = Busy::start(each * self.results.machine.cores);
            self.measure(&mut tools, &mut self.spawner(&situation), self.limits(), &what);
            drop(busy);
            if each == 0 {
                self.count(&mut tools, &root.join("bin/true"), None);
            }
            let title = "no-net, with so many busy processes for each CPU";
            self.finish("placement", title, Some(each), tools);
        }
    }

    /// Growth with the mounts of the caller.
    fn mounts(&mut self, sizes: &[usize]) {
        if !self.asked.wants("mounts") {
            return;
        }
        self.template();
        for &mounts in sizes {
            let situation = Situation { mounts, ..Situation::default() };
            let mut tools = self.tools(Kind::NoNet, Payload::Ends);
            self.try_all(&mut tools, &situation);
            if is_root() {
                self.measure(
                    &mut tools,
                    &mut self.spawner(&situation),
                    self.less(),
                    &format!("{mounts} more mounts"),
                );
            }
            let title = "no-net, with more mounts in the caller's namespace";
            self.finish("mounts", title, Some(mounts), tools);
        }
    }

    /// Growth with the containers that there are: of each tool with its own.
    fn containers(&mut self, sizes: &[usize]) {
        if !self.asked.wants("containers") {
            return;
        }
        let situation = Situation::default();
        let limit = Duration::from_secs(if self.asked.quick { 3 } else { 90 });
        let mut launching = self.tools(Kind::All, Payload::Ends);
        let sleeping = self.tools(Kind::All, Payload::Sleeps);
        self.try_all(&mut launching, &situation);
        let mut rows: Vec<Vec<Row>> = vec![Vec::new(); sizes.len()];
        for (n, sleeper) in sleeping.iter().enumerate() {
            let mut spawner = self.spawner(&situation);
            let mut sleepers = Sleepers::new();
            let mut failed: Option<Row> = None;
            for (&count, rows) in sizes.iter().zip(&mut rows) {
                if let Some(row) = &failed {
                    rows.push(row.clone());
                    continue;
                }
                let what = format!("{count} containers of {}", sleeper.row.tool);
                self.begin(&what);
                // The floor in the same situation is what it is compared with.
                let mut pair = vec![launching[0].clone()];
                if n > 0 {
                    pair.push(launching[n].clone());
                }
                let this = pair.len() - 1;
                if pair[this].works() {
                    match sleepers.grow(count, sleeper, limit) {
                        Ok(()) => {
                            self.measure(&mut pair, &mut spawner, self.less(), &what);
                            pair[this].row.memory = sleepers.memory();
                            pair[this].row.living = sleepers.living();
                        }
                        Err(why) => pair[this].row.failed = Some(why),
                    }
                }
                let row = pair.swap_remove(this).row;
                if row.failed.is_some() {
                    failed = Some(row.clone());
                }
                rows.push(row);
            }
            self.begin(&format!("the end of all containers of {}", sleeper.row.tool));
            let left = sleepers.end();
            let largest = rows.iter_mut().filter_map(|rows| rows.get_mut(n)?.living.as_mut()).last();
            if let Some(living) = largest {
                living.left = left;
            }
        }
        for (&at, rows) in sizes.iter().zip(rows) {
            let title = "all, with so many containers of its own that sleep";
            self.results.cases.push(Case {
                name: "containers".into(),
                title: title.into(),
                at: Some(at),
                rows,
            });
        }
    }

    /// Many at once.
    fn at_once(&mut self) {
        if !self.asked.wants("at-once") {
            return;
        }
        let cores = self.results.machine.cores;
        let (each, rounds) = if self.asked.quick { (5, 3) } else { (50, self.asked.rounds.min(30)) };
        for many in [cores, cores * 8] {
            let mut tools = self.tools(Kind::All, Payload::Ends);
            self.try_all(&mut tools, &Situation::default());
            let mut spawners: Vec<Spawner> = (0..many).map(|_| self.spawner(&Situation::default())).collect();
            self.begin(&format!("{many} launches at once"));
            let bar = &self.bar;
            let each = (each * cores / many).max(2) as u32;
            throughput::measure(&mut tools, &mut spawners, each, rounds, &mut |share| {
                bar.set_position((share * 1000.0) as u64)
            });
            let title = format!("all, so many at once, on {cores} cores");
            self.finish("at-once", &title, Some(many), tools);
        }
    }
}

/// Processes that do nothing but run, until this is dropped. Each has a session of its own, so that the kernel takes none of them
/// for a part of the benchmark, sched(7).
struct Busy(Vec<Child>);

impl Busy {
    fn start(many: usize) -> Busy {
        let start =
            |_| Command::new("setsid").args(["sh", "-c", "while :; do :; done"]).spawn().expect("setsid");
        Busy((0..many).map(start).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A rootfs; where root is there it is root's, whoever uses it.
fn rootfs() -> PathBuf {
    let who = if is_root() { Who::Root } else { Who::User };
    let root = tiny_root(who);
    surroundings::furnish(&root, who);
    root
}

fn tool(role: Role, name: &str, program: &Path, line: &str, root: &Path, command: &str) -> Tool {
    let names = peers::Names { program, root, command };
    let all: Vec<String> = line.split_whitespace().map(|w| names.fill(w)).collect();
    let is_variable = |w: &&String| !w.starts_with('/') && w.contains('=');
    let (env, words) = all.split_at(all.iter().take_while(is_variable).count());
    let bytes = fs::metadata(program).ok().map(|m| m.len());
    let row = Row { tool: name.into(), words: line.into(), bytes, ..Row::default() };
    Tool { role, env: env.to_vec(), words: words.to_vec(), row, samples: Vec::new() }
}
