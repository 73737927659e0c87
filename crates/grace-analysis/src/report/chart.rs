//! Pictures: points with intervals in rows, one mark and colour for each series.
//!
//! The only file that knows Kuva. Pictures are narrow, so that their texts can be read on a phone; wide screens have
//! several side by side.

use std::fmt::Write as _;
use std::sync::Arc;

use handlebars::html_escape;
use kuva::backend::svg::SvgBackend;
use kuva::plot::annotations::ReferenceLine;
use kuva::plot::scatter::{MarkerShape, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use kuva::render::theme::Theme;

use super::view::{Key, Picture, Table, decimal};

const WIDTH: f64 = 360.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 40.0;
const TEXT_SIZE: u32 = 11;
/// Width of a letter at that size, on average in a wide face.
const LETTER: f64 = 6.6;
const MOST_LETTERS: usize = 24;
/// Height of a row, and what each further series adds.
const ROW: f64 = 22.0;
const FURTHER: f64 = 9.0;

/// Marks differ in shape and colour, so that either alone tells them apart.
const MARKS: [(char, MarkerShape); 8] = [
    ('●', MarkerShape::Circle),
    ('■', MarkerShape::Square),
    ('▲', MarkerShape::Triangle),
    ('◆', MarkerShape::Diamond),
    ('✕', MarkerShape::Cross),
    ('▼', MarkerShape::TriangleDown),
    ('★', MarkerShape::Star),
    ('✚', MarkerShape::Plus),
];

/// Series in a picture before mark and colour come again together.
pub(super) const MOST_SERIES: usize = MARKS.len() * MARKS.len();

/// A value with its interval, in a row of the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) row: usize,
    pub(super) series: usize,
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// The horizontal axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    label: String,
    from: f64,
    to: f64,
    step: f64,
    /// Digits behind the point at its ticks.
    digits: usize,
    /// Where a line marks a value to compare with.
    lines: Vec<f64>,
}

impl Axis {
    /// From 0 to 1.
    pub(super) fn share(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            from: 0.0,
            to: 1.0,
            step: 0.2,
            digits: 1,
            lines: Vec::new(),
        }
    }

    /// As far to both sides of 0 as `largest` needs, with a line at 0.
    pub(super) fn about_zero(label: impl Into<String>, largest: f64) -> Self {
        let (step, digits) = round_step(largest / 2.0);
        let end = (largest / step).ceil().max(1.0) * step;
        Self {
            label: label.into(),
            from: -end,
            to: end,
            step,
            digits,
            lines: vec![0.0],
        }
    }

    pub(super) fn with_line(mut self, at: f64) -> Self {
        self.lines.push(at);
        self
    }
}

/// The next larger of 1, 2 and 5 times a power of ten, and how many digits it has behind the point.
fn round_step(least: f64) -> (f64, usize) {
    if !(least.is_finite() && least > 0.0) {
        return (0.5, 1);
    }
    let (mut power, mut digits) = (1.0, 0);
    while power > least {
        power /= 10.0;
        digits += 1;
    }
    while power * 10.0 <= least {
        power *= 10.0;
    }
    // A step that is only just too small for rounding's sake is large enough.
    let enough = |times: &f64| times * power >= least * 0.999;
    match [1.0, 2.0, 5.0].into_iter().find(enough) {
        Some(times) => (times * power, digits),
        None => (10.0 * power, digits.saturating_sub(1)),
    }
}

/// A picture to be drawn.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// What the rows are, such as `access · observe`.
    pub(super) rows_are: String,
    pub(super) rows: Vec<String>,
    pub(super) series: usize,
    pub(super) axis: Axis,
    pub(super) points: Vec<Point>,
}

/// Draws pictures, each with a name of its own.
#[derive(Debug, Default)]
pub(super) struct Charts {
    drawn: usize,
}

impl Charts {
    pub(super) fn draw(&mut self, chart: &Chart, table: Table) -> Picture {
        self.drawn += 1;
        let id = format!("picture-{}", self.drawn);
        Picture {
            svg: chart.svg(&id),
            title: chart.title.clone(),
            rows_are: chart.rows_are.clone(),
            table: table.folded(),
            id,
        }
    }
}

/// The legend of series with these names.
pub(super) fn legend(names: &[String]) -> Vec<Key> {
    let key = |(number, name): (usize, &String)| Key {
        name: name.clone(),
        mark: MARKS[number % MARKS.len()].0,
        colour: colour(number),
    };
    names.iter().enumerate().map(key).collect()
}

/// The colour of a series, from 1; where marks come again, they come in other colours.
fn colour(series: usize) -> usize {
    (series + series / MARKS.len()) % MARKS.len() + 1
}

impl Chart {
    fn height(&self) -> f64 {
        let further = self.series.saturating_sub(1) as f64;
        TOP + BOTTOM + self.rows.len() as f64 * (ROW + further * FURTHER)
    }

    fn left(&self) -> f64 {
        let letters = self.rows.iter().map(|row| short(row).chars().count());
        letters.max().unwrap_or_default() as f64 * LETTER + 16.0
    }

    /// In words, what a picture shows to those who cannot see it.
    fn words(&self) -> String {
        let values = || self.points.iter().map(|point| point.value);
        let mut words = format!(
            "{} rows ({}), {} series.",
            self.rows.len(),
            self.rows_are,
            self.series
        );
        if !self.points.is_empty() {
            let least = values().fold(f64::INFINITY, f64::min);
            let most = values().fold(f64::NEG_INFINITY, f64::max);
            let (least, most) = (decimal(least, 3), decimal(most, 3));
            let _ = write!(words, " {} from {least} to {most}.", self.axis.label);
        }
        words.push_str(" The numbers are in the table below.");
        words
    }

    fn svg(&self, id: &str) -> String {
        let drawn = SvgBackend::new().render_scene(&render_multiple(self.plots(), self.layout()));
        // The root is ours: it has a view box, follows the width of the page, and says what it shows.
        let inside = drawn.split_once('>').map_or("", |(_, inside)| inside);
        let inside = renamed(inside, &format!("{id}-clip-"));
        let (title, words) = (html_escape(&self.title), html_escape(&self.words()));
        let height = self.height();
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\" \
             fill=\"currentColor\"><title id=\"{id}-title\">{title}</title>\
             <desc id=\"{id}-words\">{words}</desc>{inside}"
        )
    }

    /// The middle of a mark: rows count downwards, the vertical axis upwards.
    fn height_of(&self, point: &Point) -> f64 {
        let middle = (self.rows.len() - point.row) as f64;
        let (series, all) = (point.series as f64, self.series as f64);
        middle + (0.5 - (series + 0.5) / all) * 0.72
    }

    fn plots(&self) -> Vec<Plot> {
        let plot = |series: usize| {
            let points = || {
                self.points
                    .iter()
                    .filter(move |point| point.series == series)
            };
            let places: Vec<(f64, f64)> = points()
                .map(|point| (point.value, self.height_of(point)))
                .collect();
            let mut scatter = ScatterPlot::new().with_data(places);
            if points().any(|point| point.interval.is_some()) {
                let errors = points().map(|point| {
                    let (low, high) = point.interval.unwrap_or((point.value, point.value));
                    ((point.value - low).max(0.0), (high - point.value).max(0.0))
                });
                scatter = scatter.with_x_err_asymmetric(errors.collect::<Vec<_>>());
            }
            Plot::Scatter(
                scatter
                    .with_color(format!("var(--series-{})", colour(series)))
                    .with_marker(MARKS[series % MARKS.len()].1)
                    .with_size(3.5),
            )
        };
        (0..self.series).map(plot).collect()
    }

    fn layout(&self) -> Layout {
        let rows = self.rows.len() as f64;
        let digits = self.axis.digits;
        let room = (self.axis.to - self.axis.from) * 0.03;
        let theme = Theme {
            background: "none".into(),
            axis_color: "var(--axis)".into(),
            grid_color: "var(--grid)".into(),
            tick_color: "var(--axis)".into(),
            text_color: "currentColor".into(),
            font_family: Some("inherit".into()),
            ..Theme::light()
        };
        let labels = self.rows.iter().rev().map(|row| short(row)).collect();
        let (from, to) = (self.axis.from - room, self.axis.to + room);
        let layout = Layout::new((from, to), (0.5, rows + 0.5))
            .with_theme(theme)
            .with_y_categories(labels)
            .with_width(WIDTH)
            .with_height(self.height())
            .with_x_label(self.axis.label.as_str())
            .with_tick_size(TEXT_SIZE)
            .with_label_size(TEXT_SIZE)
            .with_x_axis_min(from)
            .with_x_axis_max(to)
            .with_x_tick_step(self.axis.step)
            .with_x_tick_format(TickFormat::Custom(Arc::new(move |at| decimal(at, digits))))
            .with_force_margins(self.left(), RIGHT)
            .with_force_margins_y(TOP, BOTTOM);
        self.axis.lines.iter().fold(layout, |layout, at| {
            layout.with_reference_line(ReferenceLine::vertical(*at).with_color("var(--line)"))
        })
    }
}

/// The picture with its clips numbered from 0 behind `prefix`: Kuva counts them through the life of the process, which
/// would make equal pictures differ, and their names must be unique on the page.
fn renamed(svg: &str, prefix: &str) -> String {
    const CLIP: &str = "kuva-clip-";
    let mut pieces = svg.split(CLIP);
    let mut renamed = pieces.next().unwrap_or_default().to_owned();
    let mut known: Vec<&str> = Vec::new();
    for piece in pieces {
        let end = piece
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        let place = known.iter().position(|other| *other == number);
        let place = place.unwrap_or_else(|| {
            known.push(number);
            known.len() - 1
        });
        let _ = write!(renamed, "{prefix}{place}{rest}");
    }
    renamed
}

/// A label that leaves room for the picture.
fn short(label: &str) -> String {
    if label.chars().count() <= MOST_LETTERS {
        return label.to_owned();
    }
    let kept: String = label.chars().take(MOST_LETTERS - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [0.3, 0.012, 7.0, 1.0, 0.0].map(|least| round_step(least).0);
        assert_eq!(
            steps.map(|step| format!("{step}")),
            ["0.5", "0.02", "10", "1", "0.5"]
        );
    }

    #[test]
    fn clips_are_numbered_by_their_first_appearance() {
        let svg = r#"<a id="kuva-clip-17"/><b clip="url(#kuva-clip-17)"/><c id="kuva-clip-3"/>"#;
        assert_eq!(
            renamed(svg, "p-"),
            r#"<a id="p-0"/><b clip="url(#p-0)"/><c id="p-1"/>"#
        );
    }

    #[test]
    fn texts_of_a_picture_are_escaped_texts() {
        let chart = Chart {
            title: String::from("a < b & \"c\""),
            rows_are: String::from("x"),
            rows: vec![
                String::from("<script>"),
                String::from("a label that is very much too long"),
            ],
            series: 1,
            axis: Axis::share("ICC").with_line(0.1),
            points: vec![Point {
                row: 0,
                series: 0,
                value: 0.5,
                interval: Some((0.25, 0.75)),
            }],
        };
        let svg = chart.svg("p");
        assert!(
            svg.starts_with("<svg viewBox=\"0 0 360 92\" role=\"img\""),
            "{svg}"
        );
        assert!(
            svg.contains("a &lt; b &amp; &quot;c&quot;</title>") && svg.ends_with("</svg>"),
            "{svg}"
        );
        assert!(
            svg.contains(">&lt;script&gt;</text>") && !svg.contains("<script>"),
            "{svg}"
        );
        assert!(svg.contains(">a label that is very mu…</text>"), "{svg}");
        assert!(
            svg.contains("url(#p-clip-0)") && svg.contains("id=\"p-clip-0\""),
            "{svg}"
        );
    }
}
