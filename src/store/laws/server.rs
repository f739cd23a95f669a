//! A server that a test starts on a free port of this machine, with a folder of its own.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits for the end of its standard input, and then ends the server: so none is left behind, however the test ends.
/// Its port is free once it is gone.
const WATCHED: &str =
    r#""$@" >server.log 2>&1 & server=$!; cat >/dev/null; kill -9 "$server"; wait "$server" 2>/dev/null"#;

/// A running server.
pub(in crate::store) struct Server {
    /// The shell that watches it.
    shell: Child,
    pub(in crate::store) port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts `program` with the arguments for a port and a folder. `None` where it is not installed, which is said
    /// loudly; where `CI` is `true` the test fails.
    pub(in crate::store) fn start(
        program: &str,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
    ) -> Option<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        Self::start_at(port, program, arguments)
    }

    /// The same at a port that a server had before.
    pub(in crate::store) fn start_at(
        port: u16,
        program: &str,
        arguments: impl Fn(u16, &Path) -> Vec<String>,
    ) -> Option<Self> {
        if !is_installed(program) {
            let message = format!("{program} is not installed (./dev servers)");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}, and CI leaves nothing out");
            // Not the macro, whose output a test that passes does not show.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {message}");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let shell = Command::new("sh")
            .args(["-c", WATCHED, "sh", program])
            .args(arguments(port, folder.path()))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Self { shell, port, folder };
        server.wait_until_it_listens();
        Some(server)
    }

    fn wait_until_it_listens(&mut self) {
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begin.elapsed() < LIMIT, "the server does not start: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
