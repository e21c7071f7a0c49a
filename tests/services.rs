//! vesicle as the init of real services: nginx and PostgreSQL of a Debian tree, which fork, orphan, reload and end by
//! signals. All of it stands in a network namespace of the container's own, and nothing of it is left.

mod common;

use common::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The ways in which a service gets vesicle as its process 1: options of `vesicle run`, and the words before COMMAND.
const WAYS: &[(&str, &str)] = &[
    ("--init", ""),
    ("", "/opt/vesicle init --"),
    ("", "/opt/vesicle init -g"),
    ("", "/opt/tini --"),
    ("", "/opt/dumb-init"),
    ("", "/opt/catatonit --"),
];

/// So long may a process be a zombie: the time that a busy machine needs to let process 1 run.
const REAPED_WITHIN: Duration = Duration::from_secs(1);

/// The Debian tree with both services.
fn services() -> Option<PathBuf> {
    debian(&["services"])
}

/// A process, as the host sees it.
#[derive(Clone, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    name: String,
    state: char,
}

fn process(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some(Process { pid, parent: fields.next()?.parse().ok()?, name: name.into(), state })
}

/// The PID namespace of a process. A zombie has none any more that could be asked for.
fn pid_namespace(pid: i32) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/pid")).ok()?.ino())
}

/// The number of a namespace that is held open.
fn number(namespace: &File) -> u64 {
    namespace.metadata().expect("a namespace").ino()
}

/// What a process is called in its own PID namespace.
fn pid_inside(pid: i32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("NSpid:"))?;
    line.split_whitespace().last().map(String::from)
}

fn all_processes() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|e| process(e.file_name().to_str()?.parse().ok()?))
}

/// Process 1 inside, and all that descend from it: zombies too, which no namespace tells of.
fn tree_of(init: i32) -> Vec<Process> {
    let all: Vec<_> = all_processes().collect();
    let mut found: Vec<Process> = all.iter().filter(|p| p.pid == init).cloned().collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|p| p.pid) {
        found.extend(all.iter().filter(|p| p.parent == parent).cloned());
        next += 1;
    }
    found
}

/// How often somebody looked, and each zombie by its process id: how long it was one, and what it had been.
type Seen = (usize, BTreeMap<i32, (Duration, String)>);

/// Looks for zombies as long as a container lives.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    fn over(init: i32) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut since: BTreeMap<i32, Instant> = BTreeMap::new();
            let (mut looks, mut longest) = (0, BTreeMap::<i32, (Duration, String)>::new());
            while !stopped.load(Ordering::Relaxed) {
                let tree = tree_of(init);
                let now = Instant::now();
                // Process 1 itself is the launcher's to wait for.
                let zombies: Vec<_> = tree.iter().filter(|p| p.state == 'Z' && p.pid != init).collect();
                since.retain(|pid, _| zombies.iter().any(|z| z.pid == *pid));
                for zombie in zombies {
                    let age = now - *since.entry(zombie.pid).or_insert(now);
                    let longest = longest.entry(zombie.pid).or_default();
                    if age >= longest.0 {
                        *longest = (age, format!("{} (child of {})", zombie.name, zombie.parent));
                    }
                }
                looks += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            (looks, longest)
        });
        Watch { stop, thread }
    }

    fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch")
    }
}

/// A service in its container.
struct Service {
    run: Running,
    /// Process 1 inside, as the host sees it.
    init: i32,
    /// Its PID namespace. Held open, or the kernel gives its number to that of another container when it has gone.
    namespace: File,
    watch: Watch,
}

impl Service {
    /// Starts `command` in one of the `WAYS`, with more options of `vesicle run`.
    fn start(root: &Path, way: (&str, &str), options: &[&str], command: &[&str]) -> Service {
        let pid_file = folder(Who::Root).join("pid");
        let program = vesicle().to_str().expect("a path");
        let mut launch = run(Who::Root)
            .arg("--pid-file")
            .arg(&pid_file)
            .words("--read-only --dev /dev --tmpfs /opt --perms 1777 --tmpfs /tmp --tmpfs /run")
            .words("--tmpfs /var/log/nginx --tmpfs /var/lib/nginx")
            .args(["--bind", program, "/opt/vesicle"])
            .env("PATH", "/usr/sbin:/usr/bin");
        for name in ["tini", "dumb-init", "catatonit"] {
            launch = launch.args(["--symlink", "vesicle"]).arg(format!("/opt/{name}"));
        }
        let mut run =
            launch.args(options).words(way.0).arg(root).words(way.1).args(command).limit(60).spawn();
        run.until("its pid file was there", |_| {
            fs::read_to_string(&pid_file).is_ok_and(|t| t.ends_with('\n'))
        });
        let init = fs::read_to_string(&pid_file).expect("pid file").trim().parse().expect("a pid");
        // Whoever enters before COMMAND runs meets a root that is still being made, and keeps it busy.
        let ours =
            |p: &Process| fs::read_link(format!("/proc/{}/exe", p.pid)).is_ok_and(|exe| exe == vesicle());
        run.until("COMMAND ran", |_| tree_of(init).iter().any(|p| !ours(p)));
        let namespace = File::open(format!("/proc/{init}/ns/pid")).expect("a PID namespace");
        assert_ne!(Some(number(&namespace)), pid_namespace(std::process::id() as i32));
        Service { run, init, namespace, watch: Watch::over(init) }
    }

    /// A signal for process 1 inside, as container engines send one.
    fn signal(&self, signal: Signal) {
        kill(self.init, signal);
    }

    /// A script of bash beside the service, as the user of these ids: in its root and its network, but not in its PID
    /// namespace, where it would end with the service instead of seeing how that ends.
    fn script(&self, id: &str, script: &str) -> Outcome {
        let all = ["-m", "-n", "-u", "-i", "-r", "-w"];
        program(Who::Root, ["nsenter", "-t", &self.init.to_string()])
            .args(all)
            .args(["-S", id, "-G", id, "--", "/bin/bash", "-c", script])
            .env("PATH", "/usr/sbin:/usr/bin")
            .env("PGHOST", "/tmp")
            .limit(60)
            .go()
    }

    /// Waits until the script succeeds.
    fn until(&mut self, id: &str, script: &str) -> Outcome {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let outcome = self.script(id, script);
            if outcome.code == Some(0) {
                return outcome;
            }
            assert!(process(self.init).is_some(), "{} ended: {}", self.run.shown, self.run.stderr());
            assert!(Instant::now() < end, "{script}: {outcome:?}; {}", self.run.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The processes of the container whose command line begins so.
    fn named(&self, title: &str) -> Vec<Process> {
        let line = |pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        tree_of(self.init).into_iter().filter(|p| line(p.pid).starts_with(title.as_bytes())).collect()
    }

    /// The one child that process 1 has.
    fn only_child(&self) -> i32 {
        let mut children = tree_of(self.init);
        children.retain(|p| p.parent == self.init && p.state != 'Z');
        assert_eq!(children.len(), 1, "{}: {children:?}", self.run.shown);
        children[0].pid
    }

    /// Waits until the processes of this title are as the test wants them.
    fn until_named(&mut self, title: &str, what: &str, test: impl Fn(&[Process]) -> bool) -> Vec<Process> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.named(title);
            if test(&found) {
                return found;
            }
            assert!(process(self.init).is_some(), "{} ended: {}", self.run.shown, self.run.stderr());
            assert!(
                Instant::now() < end,
                "{}: {title}: not {what}: {found:?}; {}",
                self.run.shown,
                self.run.stderr()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end, of which the exit code is the service's own: no process is left, and no zombie ever was.
    fn ends(self, code: i32) -> Outcome {
        let outcome = self.run.wait();
        outcome.code(code);
        let (looks, zombies) = self.watch.end();
        let stayed: Vec<_> = zombies.values().filter(|z| z.0 > REAPED_WITHIN).collect();
        assert!(stayed.is_empty(), "{}: zombies: {stayed:?}", outcome.shown);
        assert!(looks > 0, "{}: nobody watched", outcome.shown);
        let namespace = Some(number(&self.namespace));
        let left: Vec<_> = all_processes().filter(|p| pid_namespace(p.pid) == namespace).collect();
        assert!(left.is_empty(), "{}: processes are left: {left:?}", outcome.shown);
        outcome
    }
}

/// What a web server answers; `$1` is the path.
const GET: &str =
    "exec 3<>/dev/tcp/127.0.0.1/80 || exit 1; printf 'GET %s HTTP/1.0\\r\\n\\r\\n' \"$URL\" >&3; cat <&3";

fn get(path: &str) -> String {
    format!("URL={path}; {GET}")
}

/// nginx with Debian's configuration and a file that is sent slowly.
struct Web {
    options: Vec<String>,
}

/// Of the slow file: 40 KB at 20 KB/s, of which nginx sends the first second's part at once.
const SLOW: usize = 40_000;

impl Web {
    fn new() -> Web {
        let (conf, data) = (folder(Who::Root), folder(Who::Root));
        fs::write(
            conf.join("slow.conf"),
            "server { listen 127.0.0.1:8080; location / { root /srv; limit_rate 20k; } }\n",
        )
        .expect("write");
        fs::write(data.join("slow"), vec![b'x'; SLOW]).expect("write");
        let options = ["--bind", conf.to_str().expect("a path"), "/etc/nginx/conf.d"]
            .into_iter()
            .chain(["--bind", data.to_str().expect("a path"), "/srv"])
            .map(String::from)
            .collect();
        Web { options }
    }

    fn start(&self, root: &Path, way: (&str, &str), command: &[&str]) -> Service {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let mut nginx = Service::start(root, way, &options, command);
        nginx.until("0", &get("/")).stdout.contains("served by nginx").then_some(()).expect("a page");
        nginx.until_named("nginx: worker", "workers", |w| !w.is_empty());
        nginx
    }
}

const FOREGROUND: &[&str] = &["nginx", "-g", "daemon off;"];

#[test]
fn nginx_serves_reloads_and_stops_behind_every_init() {
    let Some(root) = services() else { return };
    let web = Web::new();
    for (n, way) in WAYS.iter().enumerate() {
        let mut nginx = web.start(&root, *way, FOREGROUND);
        let master = nginx.only_child();
        // A reload: the same master, other workers.
        let old: Vec<i32> = nginx.named("nginx: worker process").iter().map(|w| w.pid).collect();
        nginx.signal(Signal::SIGHUP);
        nginx.until_named("nginx: worker process", "replaced", |w| {
            !w.is_empty() && w.iter().all(|w| !old.contains(&w.pid) && w.state != 'Z')
        });
        assert_eq!(nginx.only_child(), master);
        nginx.until("0", &get("/"));
        // A worker that dies is replaced: the master's own children are not its init's business.
        let worker = nginx.named("nginx: worker process")[0].pid;
        kill(worker, Signal::SIGKILL);
        nginx.until_named("nginx: worker process", "replaced", |w| {
            !w.is_empty() && w.iter().all(|w| w.pid != worker)
        });
        // Fast and graceful, in turn.
        nginx.signal(if n % 2 == 0 { Signal::SIGTERM } else { Signal::SIGQUIT });
        nginx.ends(0);
    }
}

#[test]
fn nginx_that_quits_finishes_its_request() {
    let Some(root) = services() else { return };
    let web = Web::new();
    for way in [("--init", ""), ("", "/opt/vesicle init --"), ("", "/opt/tini --")] {
        let nginx = web.start(&root, way, FOREGROUND);
        let init = nginx.init;
        let script = get("/slow").replace("/80", "/8080");
        let client = std::thread::scope(|scope| {
            let client = scope.spawn(|| nginx.script("0", &format!("echo begins >&2; {script}")));
            // Established in the network namespace inside, seen from outside.
            let end = Instant::now() + Duration::from_secs(10);
            while !fs::read_to_string(format!("/proc/{init}/net/tcp"))
                .unwrap_or_default()
                .lines()
                .any(|l| l.contains(":1F90 ") && l.split_whitespace().nth(3) == Some("01"))
            {
                assert!(Instant::now() < end, "{way:?}: nobody connected");
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(100));
            nginx.signal(Signal::SIGQUIT);
            client.join().expect("the client")
        });
        let body = client.stdout.rsplit("\r\n\r\n").next().unwrap_or_default().len();
        nginx.ends(0);
        assert_eq!(body, SLOW, "{way:?}: {}", client.stderr);
    }
}

#[test]
fn daemon_that_orphans_itself_is_kept_and_ended() {
    let Some(root) = services() else { return };
    let web = Web::new();
    for way in [("--init --wait-all", ""), ("", "/opt/vesicle init -a -w --")] {
        // COMMAND ends as soon as the daemon runs, with 0; process 1 stays with the daemon.
        let mut nginx = web.start(&root, way, &["nginx"]);
        let init = nginx.init;
        nginx.until_named("nginx: master", "an orphan", |m| m.iter().any(|m| m.parent == init));
        nginx.until_named("nginx", "the daemon and its workers alone", |all| {
            all.iter().filter(|p| p.parent == init).count() == 1
        });
        let master = nginx.only_child();
        // A reload reaches who is left.
        let old: Vec<i32> = nginx.named("nginx: worker process").iter().map(|w| w.pid).collect();
        nginx.signal(Signal::SIGHUP);
        nginx.until_named("nginx: worker process", "replaced", |w| {
            !w.is_empty() && w.iter().all(|w| !old.contains(&w.pid))
        });
        assert_eq!(nginx.only_child(), master);
        nginx.signal(Signal::SIGTERM);
        let end = nginx.ends(0);
        if way.0.is_empty() {
            assert!(end.stderr.contains("vesicle: reaped process "), "{}", end.stderr);
        }
    }
    // Its master killed, the workers are orphans: process 1 stays with them too, and ends as the master did.
    let mut nginx = web.start(&root, ("", "/opt/vesicle init -a"), FOREGROUND);
    let (init, master) = (nginx.init, nginx.only_child());
    kill(master, Signal::SIGKILL);
    nginx.until_named("nginx: worker", "orphans", |w| !w.is_empty() && w.iter().all(|w| w.parent == init));
    nginx.until("0", &get("/"));
    nginx.signal(Signal::SIGTERM);
    nginx.ends(137);
}

#[test]
fn service_that_fails_ends_with_its_own_code() {
    let Some(root) = services() else { return };
    let server = format!("{}/postgres", postgres_bin(&root));
    for (init, exec) in [("--init", ""), ("", "/opt/vesicle init --"), ("", "/opt/tini --")] {
        for (command, code) in [
            (vec!["nginx", "-c", "/nowhere/nginx.conf"], 1),
            // Not as root, and not without a cluster.
            (vec![server.as_str(), "-D", "/tmp"], 1),
        ] {
            let end = run(Who::Root)
                .words("--dev /dev --tmpfs /opt --tmpfs /run --tmpfs /tmp --tmpfs /var/log/nginx")
                .arg("--bind")
                .args([vesicle().as_os_str(), "/opt/vesicle".as_ref()])
                .words("--symlink vesicle /opt/tini")
                .words(init)
                .arg(&root)
                .words(exec)
                .args(&command)
                .env("PATH", "/usr/sbin:/usr/bin")
                .go();
            end.code(code);
        }
    }
}

/// Where the server's programs are, inside.
fn postgres_bin(root: &Path) -> String {
    let versions = fs::read_dir(root.join("usr/lib/postgresql")).expect("PostgreSQL").flatten();
    let version = versions.map(|v| v.file_name().into_string().expect("a name")).max().expect("a version");
    format!("/usr/lib/postgresql/{version}/bin")
}

/// A cluster of PostgreSQL in a folder of the host.
struct Database {
    root: PathBuf,
    /// Where its programs are, inside.
    bin: String,
    /// The id of user postgres.
    id: String,
    data: PathBuf,
}

impl Database {
    fn new(root: PathBuf) -> Database {
        let bin = postgres_bin(&root);
        let users = fs::read_to_string(root.join("etc/passwd")).expect("passwd");
        let line = users.lines().find(|l| l.starts_with("postgres:")).expect("a user postgres");
        let id = line.split(':').nth(2).expect("an id").to_string();
        let data = folder(Who::Root);
        let owner = Some(id.parse().expect("a number"));
        std::os::unix::fs::chown(&data, owner, owner).expect("chown");
        let db = Database { root, bin, id, data };
        // initdb itself starts the server a few times.
        let initdb = format!("{}/initdb", db.bin);
        let made = db.start(
            ("--init", ""),
            &[&initdb, "-D", "/srv/db", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"],
        );
        made.ends(0);
        let more = "listen_addresses = ''\nunix_socket_directories = '/tmp'\nfsync = off\n";
        let conf = db.data.join("db/postgresql.conf");
        let text = fs::read_to_string(&conf).expect("postgresql.conf");
        fs::write(&conf, format!("{text}{more}")).expect("postgresql.conf");
        db
    }

    /// A command of its user, in a container with the cluster in /srv.
    fn start(&self, way: (&str, &str), command: &[&str]) -> Service {
        let data = self.data.to_str().expect("a path");
        let options = ["--uid", &self.id, "--gid", &self.id, "--bind", data, "/srv"];
        Service::start(&self.root, way, &options, command)
    }

    /// The server in the foreground, ready.
    fn serve(&self, way: (&str, &str)) -> Service {
        let mut server = self.start(way, &[&format!("{}/postgres", self.bin), "-D", "/srv/db"]);
        self.ready(&mut server);
        server
    }

    fn ready(&self, server: &mut Service) {
        server.until(&self.id, &format!("{}/pg_isready -q", self.bin));
    }

    /// What psql says.
    fn query(&self, server: &Service, sql: &str) -> String {
        let psql =
            format!("{}/psql -X -q -A -t -v ON_ERROR_STOP=1 -d postgres <<'END'\n{sql}\nEND", self.bin);
        let outcome = server.script(&self.id, &psql);
        outcome.code(0);
        outcome.stdout.trim_end().to_string()
    }
}

#[test]
fn postgres_serves_reloads_recovers_and_stops() {
    let Some(root) = services() else { return };
    let db = Database::new(root);
    let ways = [
        (("--init", ""), Signal::SIGTERM),
        (("", "/opt/vesicle init -w --"), Signal::SIGINT),
        (("", "/opt/tini -w --"), Signal::SIGTERM),
    ];
    for (n, (way, stop)) in ways.into_iter().enumerate() {
        let mut server = db.serve(way);
        let main = server.only_child();
        db.query(&server, "CREATE TABLE IF NOT EXISTS runs (n int);");
        db.query(&server, &format!("INSERT INTO runs VALUES ({n});"));
        assert_eq!(db.query(&server, "SELECT count(*) FROM runs;"), (n + 1).to_string());

        // A reload through the init.
        db.query(&server, &format!("ALTER SYSTEM SET work_mem = '{}MB';", n + 11));
        server.signal(Signal::SIGHUP);
        let want = format!("{}MB", n + 11);
        let end = Instant::now() + Duration::from_secs(10);
        while db.query(&server, "SHOW work_mem;") != want {
            assert!(Instant::now() < end, "{way:?}: it did not reload: {}", server.run.stderr());
        }

        // Programs that backends start, and that leave children behind: orphans, which process 1 gets.
        let orphans = "COPY (SELECT 1) TO PROGRAM 'setsid sleep 0.2 >/dev/null 2>&1 & setsid sleep 0.1 & exec cat >/dev/null';\n";
        db.query(&server, &orphans.repeat(10));
        server.until_named("sleep", "at their end", <[_]>::is_empty);

        // A backend killed: the server ends all its others, and comes back, with the same postmaster.
        let psql = format!("{}/psql -X -d postgres -c 'SELECT pg_sleep(50)'", db.bin);
        std::thread::scope(|scope| {
            let victim = scope.spawn(|| server.script(&db.id, &psql));
            let end = Instant::now() + Duration::from_secs(20);
            let pid = loop {
                let sleeper = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(50)';";
                let pid = db.query(&server, sleeper);
                if !pid.is_empty() {
                    break pid;
                }
                assert!(Instant::now() < end, "no backend sleeps");
            };
            let backends = server.named("postgres: ");
            let backend = backends.iter().find(|p| pid_inside(p.pid).as_ref() == Some(&pid));
            kill(backend.expect("the backend").pid, Signal::SIGKILL);
            assert_ne!(victim.join().expect("psql").code, Some(0), "its backend was killed");
        });
        server.run.until("the server saw it", |r| r.stderr().contains("terminating any other active server"));
        db.ready(&mut server);
        assert_eq!(db.query(&server, "SELECT count(*) FROM runs;"), (n + 1).to_string());
        assert_eq!(server.only_child(), main, "the same postmaster");

        server.signal(stop);
        let end = server.ends(0);
        assert!(end.stderr.contains("database system is shut down"), "{way:?}: {}", end.stderr);
        if way.1.contains("-w") {
            let reaped = end.stderr.lines().filter(|l| l.to_lowercase().contains("reaped")).count();
            assert!(reaped >= 20, "{way:?}: {reaped} orphans were reaped: {}", end.stderr);
        }
    }
}

#[test]
fn postgres_as_an_orphaned_daemon_is_reaped() {
    let Some(root) = services() else { return };
    let db = Database::new(root);
    let ctl = format!("{}/pg_ctl -D /srv/db -w -s", db.bin);
    // pg_ctl lets go of the server, which process 1 adopts, three times.
    let script = format!(
        "set -e; {ctl} -l /tmp/log start; {ctl} -l /tmp/log restart; {ctl} -l /tmp/log -m immediate restart; \
         {}/pg_isready -h /tmp; read -r _ _ _ parent _ </proc/$(head -n 1 /srv/db/postmaster.pid)/stat; \
         {ctl} stop; echo parent $parent; exit 7",
        db.bin
    );
    for way in [("--init", ""), ("", "/opt/vesicle init --"), ("", "/opt/tini --")] {
        let end = db.start(way, &["bash", "-c", &script]).ends(7);
        assert!(end.stdout.contains("parent 1\n"), "{way:?}: {}{}", end.stdout, end.stderr);
    }
    // The postmaster killed: its children are orphans who notice, and end by themselves.
    let server = db.serve(("", "/opt/vesicle init -a -w --"));
    let main = server.only_child();
    kill(main, Signal::SIGKILL);
    let end = server.ends(137);
    assert!(end.stderr.contains("vesicle: reaped process "), "{}", end.stderr);
}

/// An init inside waits for its signals, and the kernel shows as blocked only what nobody waits for: rt_sigtimedwait(2).
#[test]
fn signal_for_the_launcher_reaches_an_init_inside() {
    let Some(root) = services() else { return };
    let web = Web::new();
    for way in WAYS {
        let mut nginx = web.start(&root, *way, FOREGROUND);
        let master = nginx.only_child();
        let old: Vec<i32> = nginx.named("nginx: worker process").iter().map(|w| w.pid).collect();
        nginx.run.signal(Signal::SIGHUP);
        nginx.until_named("nginx: worker process", "replaced", |w| {
            !w.is_empty() && w.iter().all(|w| !old.contains(&w.pid))
        });
        assert_eq!(nginx.only_child(), master);
        nginx.run.signal(Signal::SIGQUIT);
        nginx.ends(0);
    }
}
