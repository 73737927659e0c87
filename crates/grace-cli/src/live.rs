//! Lines at the bottom of a terminal that are drawn anew.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::say;
use crate::runtime;

/// The lines; they are gone when this is dropped. A line that is too long is cut.
pub(crate) struct Live {
    screen: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Live {
    /// `None` if stderr cannot redraw lines.
    pub(crate) fn on_terminal() -> Option<Self> {
        runtime::on_terminal().then(|| Self {
            screen: MultiProgress::new(),
            lines: Vec::new(),
        })
    }

    /// Draws these lines instead of those that are there. Who draws often is drawn at most 20 times a second, so the
    /// same should be drawn again a little later.
    pub(crate) fn draw(&mut self, texts: &[String]) {
        for line in self.lines.drain(texts.len().min(self.lines.len())..) {
            line.finish_and_clear();
        }
        while self.lines.len() < texts.len() {
            let style = ProgressStyle::with_template("{wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style);
            self.lines.push(self.screen.add(line));
        }
        for (line, text) in self.lines.iter().zip(texts) {
            line.set_message(text.clone());
        }
    }

    /// Writes a line above them.
    pub(crate) fn say(&self, text: &str) {
        self.screen.suspend(|| say(text));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.draw(&[]);
    }
}
