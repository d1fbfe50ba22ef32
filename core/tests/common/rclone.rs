//! A real `rclone serve`: a server of S3, WebDAV or SFTP over a directory, on a free port of 127.0.0.1. It ends with
//! its handle.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The release that `cargo xtask tools` fetches.
const RCLONE: &str = "1.75.2";

/// How long a server may take to begin; the first one of SFTP makes keys.
const BEGIN: Duration = Duration::from_secs(30);

pub(crate) struct Rclone {
    child: Child,
    pub(crate) port: u16,
}

impl Rclone {
    /// Serves `dir`/files over a protocol, as `arguments` say, with its own things in `dir`/cache.
    pub(crate) fn serve(dir: &Path, protocol: &str, arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let program = root.join(".tools/rclone").join(RCLONE).join("rclone");
        assert!(program.exists(), "{} is missing: run `cargo xtask tools`", program.display());
        let (files, cache, log) = (dir.join("files"), dir.join("cache"), dir.join(format!("{protocol}.log")));
        std::fs::create_dir_all(&files).expect("a directory");
        let _ = std::fs::remove_file(&log);
        let child = Command::new(program)
            .args(["serve", protocol, "--addr", "127.0.0.1:0", "--config", "none", "--cache-dir"])
            .arg(cache)
            .arg("--log-file")
            .arg(&log)
            .args(arguments)
            .arg(files)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut rclone = Rclone { child, port: 0 };
        let began = Instant::now();
        while began.elapsed() < BEGIN {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let digits = text.split("127.0.0.1:").nth(1).unwrap_or_default();
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(port) = digits.parse()
                && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
            {
                rclone.port = port;
                return rclone;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("rclone serve {protocol} does not begin: {}", std::fs::read_to_string(&log).unwrap_or_default());
    }
}

impl Drop for Rclone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
