//! What `nvidia-smi` says of GPUs, driver and CUDA.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot::{self, error::RecvError};

/// A driver that hangs must not hold up a replication.
const LIMIT: Duration = Duration::from_secs(20);

/// What is known of the GPUs; each with the reason if it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gpus {
    pub(crate) count: Result<usize, String>,
    pub(crate) kind: Result<String, String>,
    pub(crate) driver: Result<String, String>,
    pub(crate) cuda: Result<String, String>,
}

impl Gpus {
    /// Nothing is known, for this reason.
    pub(crate) fn unknown(reason: &str) -> Self {
        let unknown = || Err(reason.to_owned());
        Self {
            count: Err(reason.to_owned()),
            kind: unknown(),
            driver: unknown(),
            cuda: unknown(),
        }
    }

    /// Asks `nvidia_smi`, twice: for a table of the GPUs, and for its summary, which alone names CUDA's version.
    pub(crate) async fn ask(nvidia_smi: &Path) -> Self {
        let table = run(
            nvidia_smi,
            &["--query-gpu=name,driver_version", "--format=csv,noheader"],
        );
        let mut gpus = match table.await {
            Ok(table) => Self::of_table(&table),
            Err(reason) => return Self::unknown(&reason),
        };
        gpus.cuda = match run(nvidia_smi, &[]).await {
            Ok(summary) => cuda_in(&summary)
                .map(str::to_owned)
                .ok_or_else(|| String::from("nvidia-smi names no CUDA version")),
            Err(reason) => Err(reason),
        };
        gpus
    }

    /// Reads lines such as `NVIDIA A100-SXM4-80GB, 550.54.15`, one a GPU.
    fn of_table(table: &str) -> Self {
        let rows: Vec<(&str, &str)> = table
            .lines()
            .filter_map(|line| line.rsplit_once(','))
            .map(|(name, driver)| (name.trim(), driver.trim()))
            .collect();
        let Some((_, driver)) = rows.first() else {
            return Self::unknown("nvidia-smi lists no GPU");
        };
        let mut kinds: Vec<&str> = Vec::new();
        for (name, _) in &rows {
            if !kinds.contains(name) {
                kinds.push(name);
            }
        }
        Self {
            count: Ok(rows.len()),
            kind: Ok(kinds.join(", ")),
            driver: Ok((*driver).to_owned()),
            cuda: Err(String::from("not asked")),
        }
    }
}

/// The version in `CUDA Version: 12.4` or, from driver 610 on, `CUDA UMD Version: 13.3`.
fn cuda_in(summary: &str) -> Option<&str> {
    let labels = ["CUDA Version:", "CUDA UMD Version:"];
    let behind = labels
        .iter()
        .find_map(|label| Some(summary.split_once(label)?.1))?;
    let version = behind.split_whitespace().next()?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(version)
}

/// What a program prints, or why that is not to be had. It does not outlive the wait for it.
async fn run(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let unheard = |error: &dyn std::fmt::Display| format!("nvidia-smi cannot be heard: {error}");
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("nvidia-smi cannot be run: {error}"))?;
    let mut asked = Asked(Some(child));
    let (stdout, stderr) = (
        asked.hear(|it| it.stdout.take()),
        asked.hear(|it| it.stderr.take()),
    );
    let heard = async { Ok::<_, RecvError>((stdout.await?, stderr.await?)) };
    match tokio::time::timeout(LIMIT, heard).await {
        Ok(Ok((stdout, stderr))) => {
            let status = asked.end().await.map_err(|error| unheard(&error))?;
            printed(&Output {
                status,
                stdout,
                stderr,
            })
        }
        Ok(Err(error)) => Err(unheard(&error)),
        Err(_) => Err(format!(
            "nvidia-smi did not answer within {} s",
            LIMIT.as_secs()
        )),
    }
}

/// A program that was asked. Dropping it ends it, with all that it started.
struct Asked(Option<Child>);

impl Asked {
    /// All that comes out of one of its ends, read by a thread: a pipe that nobody reads would hold it up.
    fn hear<R: Read + Send + 'static>(
        &mut self,
        end: impl Fn(&mut Child) -> Option<R>,
    ) -> oneshot::Receiver<Vec<u8>> {
        let (finished, heard) = oneshot::channel();
        if let Some(mut end) = self.0.as_mut().and_then(end) {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                // What came before an error is all there is.
                let _ = end.read_to_end(&mut bytes);
                finished.send(bytes)
            });
        }
        heard
    }

    /// Waits for the end of a program that has closed its outputs, and so is about to end.
    async fn end(mut self) -> std::io::Result<ExitStatus> {
        const POLL: Duration = Duration::from_millis(5);
        let Some(child) = self.0.as_mut() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let started = tokio::time::Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if started.elapsed() >= LIMIT {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else {
            return;
        };
        // Not reaped yet, so the id is still its own.
        if let Ok(None) = child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
            // A driver that hangs may hold it for long.
            std::thread::spawn(move || child.wait());
        }
    }
}

fn printed(output: &Output) -> Result<String, String> {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    // It explains itself on stdout as a rule.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = stdout
        .lines()
        .chain(stderr.lines())
        .find(|line| !line.trim().is_empty());
    let said = said.unwrap_or("nothing").trim();
    Err(format!("nvidia-smi failed ({}): {said}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_of_one_kind_are_counted_and_named_once() {
        let table = "NVIDIA A100-SXM4-80GB, 550.54.15\nNVIDIA A100-SXM4-80GB, 550.54.15\n";
        let gpus = Gpus::of_table(table);
        assert_eq!(gpus.count, Ok(2));
        assert_eq!(gpus.kind.as_deref(), Ok("NVIDIA A100-SXM4-80GB"));
        assert_eq!(gpus.driver.as_deref(), Ok("550.54.15"));
    }

    #[test]
    fn gpus_of_several_kinds_are_all_named() {
        let gpus = Gpus::of_table("NVIDIA L4, 610.43.02\r\nNVIDIA RTX A6000, 610.43.02\r\n");
        assert_eq!(gpus.kind.as_deref(), Ok("NVIDIA L4, NVIDIA RTX A6000"));
        assert_eq!(gpus.count, Ok(2));
    }

    #[test]
    fn no_gpu_is_unknown_with_its_reason() {
        for table in ["", "No devices were found\n"] {
            assert_eq!(
                Gpus::of_table(table),
                Gpus::unknown("nvidia-smi lists no GPU")
            );
        }
    }

    #[test]
    fn the_cuda_version_is_found_under_its_old_and_its_new_name() {
        let line = |label| {
            format!("| NVIDIA-SMI 1.2  Driver Version: 1.2  {label} 12.4     |\n| GPU  Name |")
        };
        assert_eq!(cuda_in(&line("CUDA Version:")), Some("12.4"));
        assert_eq!(cuda_in(&line("CUDA UMD Version:")), Some("12.4"));
        assert_eq!(cuda_in("| CUDA Version: N/A |"), None);
        assert_eq!(cuda_in("| NVIDIA-SMI 1.2 |"), None);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_fails_is_a_reason() {
        let gpus = Gpus::ask(Path::new("/nowhere/nvidia-smi")).await;
        assert!(
            gpus.count
                .unwrap_err()
                .starts_with("nvidia-smi cannot be run: ")
        );
        let gpus = Gpus::ask(Path::new("/bin/false")).await;
        assert_eq!(
            gpus.driver.unwrap_err(),
            "nvidia-smi failed (exit status: 1): nothing"
        );
    }
}
