//! Real servers, each on a free port, until they are dropped.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::store::laws::server;

pub(super) struct Server {
    running: Option<server::Server>,
    port: u16,
}

impl Server {
    /// A server. `None` where memcached is not installed.
    pub(super) fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// A server with more arguments.
    pub(super) fn with(arguments: &[&str]) -> Option<Self> {
        let running = server::Server::start("memcached", |port, _folder| command_line(port, arguments))?;
        Some(Self { port: running.port, running: Some(running) })
    }

    pub(super) fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again on its port, after it was killed.
    pub(super) fn start_again(&mut self) {
        self.running =
            server::Server::start_at(self.port, "memcached", |port, _folder| command_line(port, &[]));
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The first line of the answer to a command.
    pub(super) fn say(&self, command: &str) -> String {
        self.ask(command, 1).remove(0)
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        self.count("curr_items")
    }

    /// A number that the server counts.
    pub(super) fn count(&self, name: &str) -> usize {
        let lines = self.ask("stats", usize::MAX);
        let counts = lines.iter().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
        counts.filter(|(counted, _)| *counted == name).map(|(_, count)| count.parse::<usize>().unwrap()).sum()
    }

    /// Lines of the answer, up to `END`.
    fn ask(&self, command: &str, most: usize) -> Vec<String> {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        lines.take_while(|line| line != "END").take(most).collect()
    }
}

fn command_line(port: u16, more: &[&str]) -> Vec<String> {
    let port = port.to_string();
    let arguments = ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-t", "2", "-u", "root"];
    arguments.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}
