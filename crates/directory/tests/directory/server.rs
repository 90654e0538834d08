//! Database servers of Debian's packages, as processes of the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// What the server's own user proves itself with.
pub(crate) const PASSWORD: &str = "hunter2-of-the-server";

/// The server of MariaDB, which is not on the search path of every user.
const MARIADB: &str = "/usr/sbin/mariadbd";

/// The user and group that Debian has for processes which own nothing.
const NOBODY: u32 = 65_534;

/// A folder that is removed in the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("foghorn-directory-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        hand_over(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that can be stopped and started again.
pub(crate) struct Server {
    pub(crate) port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    /// What it logs when it can be connected to.
    ready: &'static str,
    /// The signal on which it ends without waiting for its clients.
    end: &'static str,
    process: Option<Child>,
    // Removed after the process has ended.
    folder: Folder,
}

impl Server {
    pub(crate) fn postgresql() -> Self {
        let folder = Folder::new();
        let (data, programs) = (folder.0.join("data"), postgresql_programs());
        let password = folder.0.join("password");
        fs::write(&password, PASSWORD).unwrap();
        let mut make = unprivileged(&programs.join("initdb"));
        make.arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&password);
        make.args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ]);
        // With another order of texts than the one by bytes, if the machine has one.
        make.args(["--no-sync", "--locale=C.UTF-8"]);
        must(&mut make);
        let port = free_port();
        let arguments = [
            format!("-D{}", data.display()),
            format!("-p{port}"),
            "-clisten_addresses=127.0.0.1".to_owned(),
            "-cunix_socket_directories=".to_owned(),
            "-cfsync=off".to_owned(),
        ];
        Self {
            port,
            program: programs.join("postgres"),
            arguments: arguments.to_vec(),
            ready: "database system is ready to accept connections",
            end: "INT",
            process: None,
            folder,
        }
        .started()
    }

    pub(crate) fn mariadb() -> Self {
        let folder = Folder::new();
        let data = folder.0.join("data");
        let defaults = "--no-defaults";
        let mut make = unprivileged(Path::new(MARIADB));
        make.args([defaults, "--bootstrap"]);
        make.arg(format!("--datadir={}", data.display()));
        fs::create_dir(&data).unwrap();
        hand_over(&data);
        // What Debian's script does, which needs another package.
        let mut statements = "CREATE DATABASE mysql;\nUSE mysql;\n\
                              SET @auth_root_socket = NULL;\nSET @skip_auth_anonymous = 1;\n"
            .to_owned();
        for part in ["tables", "tables_data"] {
            let file = format!("/usr/share/mysql/mysql_system_{part}.sql");
            statements.push_str(&fs::read_to_string(file).unwrap());
        }
        let script = folder.0.join("make.sql");
        fs::write(&script, statements).unwrap();
        must(make.stdin(fs::File::open(script).unwrap()));
        let init = folder.0.join("init.sql");
        let accounts = format!(
            "CREATE USER IF NOT EXISTS 'foghorn'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO 'foghorn'@'%';\n"
        );
        fs::write(&init, accounts).unwrap();
        let port = free_port();
        let arguments = [
            defaults.to_owned(),
            format!("--datadir={}", data.display()),
            format!("--init-file={}", init.display()),
            format!("--socket={}", folder.0.join("socket").display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
        ];
        Self {
            port,
            program: MARIADB.into(),
            arguments: arguments.to_vec(),
            ready: "ready for connections",
            end: "TERM",
            process: None,
            folder,
        }
        .started()
    }

    fn started(mut self) -> Self {
        self.start();
        self
    }

    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(&mut self) {
        let mut command = unprivileged(&self.program);
        command.args(&self.arguments).current_dir(&self.folder.0);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `cargo xtask setup` installs it",
                self.program.display()
            )
        });
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        self.process = Some(process);
        let mut seen = String::new();
        loop {
            let line = log
                .next()
                .unwrap_or_else(|| panic!("it has ended:\n{seen}"))
                .unwrap();
            if line.contains(self.ready) {
                break;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        // It would wait for somebody to read what else it says.
        thread::spawn(move || log.for_each(drop));
    }

    /// Stops it, and waits until it has ended.
    pub(crate) fn stop(&mut self) {
        self.signal(self.end);
        if let Some(mut process) = self.process.take() {
            process.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            let id = process.id().to_string();
            must(Command::new("kill").args(["-s", signal, &id]));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command that has no more rights than it needs: PostgreSQL refuses to be root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let id = NOBODY.to_string();
    command
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(program);
    command
}

/// Lets servers write to a folder.
fn hand_over(folder: &Path) {
    if is_root() {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Debian has one folder for each version of PostgreSQL, none of them on the search path.
fn postgresql_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let last = folders
        .filter(|folder| folder.join("initdb").exists())
        .max();
    last.expect("PostgreSQL; `cargo xtask setup` installs it")
}

fn must(command: &mut Command) {
    let output = command.current_dir("/").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
