//! How much replications differ: a forest of intraclass correlations.

use super::Facts;
use super::chart::{Axis, Chart, Charts, Point, legend};
use super::view::{Field, Part, Section, Table, counted};
use crate::icc::{IccRow, PooledRow, Total};

pub(super) fn section(facts: &Facts<'_>, charts: &mut Charts) -> Option<Section> {
    let (scored, sampled): (Vec<&IccRow>, Vec<&IccRow>) =
        facts.rows.iter().partition(|row| row.is_deterministic());
    if facts.rows.is_empty() {
        return None;
    }
    let margin = facts.margin.value();
    let mut parts = Vec::new();
    if !sampled.is_empty() {
        parts.extend([totals(&facts.totals, margin), together(&facts.pooled)]);
    }
    for together in sampled.chunk_by(|a, b| experiment(a) == experiment(b)) {
        parts.push(experiment_part(facts, charts, together));
    }
    if !scored.is_empty() {
        parts.push(noise(&scored));
    }
    Some(Section {
        id: "icc",
        title: "How much replications differ",
        words: vec![
            String::from(
                "The intraclass correlation (ICC) is the share of a measure's variance that lies between replications \
                 under one condition: 0 if replications are alike, 1 if answers differ between them alone. Each \
                 estimate comes from an analysis of variance, each interval is Wald's exact 95 % interval.",
            ),
            format!(
                "The dashed line is the margin, {margin:.2}. An estimate under it says less than an interval under it: \
                 with 5 replications of 50 trials a true ICC of 0.20 gives an estimate under 0.10 one time in four."
            ),
            String::from(
                "A row without a mark has no estimate: all its answers are equal, or there are too few. Negative \
                 estimates are drawn at 0; the numbers below each picture keep them.",
            ),
        ],
        parts,
    })
}

fn experiment(row: &IccRow) -> &str {
    row.by.first().map_or("", |factor| &factor.level)
}

fn model(row: &IccRow) -> &str {
    row.by.get(1).map_or("", |factor| &factor.level)
}

/// The levels of the conditions.
fn condition(row: &IccRow) -> Vec<&str> {
    let levels = row.by.iter().skip(2);
    levels.map(|factor| factor.level.as_str()).collect()
}

fn totals(totals: &[Total], margin: f64) -> Part {
    let row = |total: &Total| {
        let of = if total.of.is_empty() {
            "all models"
        } else {
            &total.of
        };
        let most = if total.most_below_by_estimate {
            "yes"
        } else {
            "no"
        };
        vec![
            Field::text(of),
            Field::count(Some(total.estimable)),
            Field::count(Some(total.below_by_estimate)),
            Field::text(most),
            Field::count(Some(total.below_by_interval)),
            Field::count(Some(total.not_resolved)),
            Field::count(Some(total.above_by_interval)),
            Field::count(Some(total.constant)),
            Field::count(Some(total.not_estimable)),
        ]
    };
    let head = [
        "model",
        "#estimable",
        "#estimate below",
        "most",
        "#interval below",
        "#not resolved",
        "#interval above",
        "#constant",
        "#not estimable",
    ];
    let caption =
        format!("Conditions and measures by what their ICC says about the margin {margin:.2}");
    Part {
        tables: vec![Table::new(&head, totals.iter().map(row).collect()).captioned(caption)],
        ..Part::default()
    }
}

fn together(rows: &[PooledRow]) -> Part {
    let row = |row: &PooledRow| {
        let status = if row.status == "ok" { "" } else { row.status };
        vec![
            Field::text(&row.experiment),
            Field::text(&row.measure),
            Field::text(&row.model),
            Field::count(Some(row.replications)),
            Field::count(Some(row.conditions)),
            Field::count(Some(row.trials)),
            Field::number(row.icc, 4),
            Field::number(row.var_between, 5),
            Field::number(row.var_within, 5),
            Field::p(row.p),
            Field::text(status.replace('_', " ")),
        ]
    };
    let head = [
        "experiment",
        "measure",
        "model",
        "#k",
        "#conditions",
        "#N",
        "#ICC",
        "#variance between",
        "#variance within",
        "#p",
        "status",
    ];
    let caption = "All conditions together: value ~ condition + (1 | replication), by REML";
    Part {
        tables: vec![Table::new(&head, rows.iter().map(row).collect()).captioned(caption)],
        ..Part::default()
    }
}

fn experiment_part(facts: &Facts<'_>, charts: &mut Charts, rows: &[&IccRow]) -> Part {
    let mut measures: Vec<&str> = Vec::new();
    for row in rows {
        if !measures.contains(&row.measure.as_str()) {
            measures.push(&row.measure);
        }
    }
    let pictures = measures.iter().map(|measure| {
        let of_measure: Vec<&IccRow> = rows
            .iter()
            .filter(|row| row.measure == **measure)
            .copied()
            .collect();
        let chart = forest(facts, measure, &of_measure);
        charts.draw(&chart, table(&of_measure))
    });
    Part {
        title: rows.first().map(|row| experiment(row).to_owned()),
        pictures: pictures.collect(),
        legend: legend(&facts.models),
        ..Part::default()
    }
}

fn forest(facts: &Facts<'_>, measure: &str, rows: &[&IccRow]) -> Chart {
    let mut conditions: Vec<Vec<&str>> = Vec::new();
    for row in rows {
        let levels = condition(row);
        if !conditions.contains(&levels) {
            conditions.push(levels);
        }
    }
    let point = |row: &&IccRow| {
        let interval = row.number("ci_low").zip(row.number("ci_high"));
        Some(Point {
            row: conditions
                .iter()
                .position(|levels| *levels == condition(row))?,
            series: facts.models.iter().position(|other| other == model(row))?,
            value: row.number("icc_clipped")?,
            interval,
        })
    };
    let factors = rows.first().map(|row| {
        let names = row.by.iter().skip(2).map(|factor| factor.name.as_str());
        names.collect::<Vec<_>>().join(" · ")
    });
    Chart {
        title: format!("ICC of {measure}"),
        rows_are: factors.unwrap_or_default(),
        rows: conditions.iter().map(|levels| levels.join(" · ")).collect(),
        series: facts.models.len(),
        axis: Axis::share("ICC").with_line(facts.margin.value()),
        points: rows.iter().filter_map(point).collect(),
    }
}

fn table(rows: &[&IccRow]) -> Table {
    let row = |row: &&IccRow| {
        vec![
            Field::text(model(row)),
            Field::text(condition(row).join(" · ")),
            Field::count(Some(row.replications)),
            Field::count(Some(row.trials)),
            Field::number(row.number("icc"), 4),
            Field::interval(row.number("ci_low"), row.number("ci_high"), 3),
            Field::number(row.number("reml_icc"), 4),
            Field::number(row.number("latent_icc"), 4),
            Field::number(row.number("design_effect"), 2),
            Field::p(row.number("p")),
            Field::text(
                row.verdict
                    .map_or_else(|| row.status.replace('_', " "), str::to_owned),
            ),
        ]
    };
    let head = [
        "model",
        "condition",
        "#k",
        "#N",
        "#ICC",
        "#95 % interval",
        "#REML",
        "#latent",
        "#design effect",
        "#p",
        "verdict",
    ];
    Table::new(&head, rows.iter().map(row).collect())
}

fn noise(rows: &[&IccRow]) -> Part {
    let row = |row: &&IccRow| {
        vec![
            Field::text(experiment(row)),
            Field::text(model(row)),
            Field::text(condition(row).join(" · ")),
            Field::text(&row.measure),
            Field::count(Some(row.replications)),
            Field::text(row.noise.map_or_else(
                || String::from("–"),
                |noise| format!("{:.2e}", noise.largest),
            )),
            Field::text(
                row.noise
                    .map_or_else(|| String::from("–"), |noise| format!("{:.2e}", noise.sd)),
            ),
        ]
    };
    let head = [
        "experiment",
        "model",
        "condition",
        "measure",
        "#k",
        "largest difference",
        "sd",
    ];
    let measures = counted(rows.len() as u64, "scored measure", "scored measures");
    Part {
        title: Some(String::from("Scores")),
        words: vec![format!(
            "{measures} of a condition: scores are no draws. Equal scores in every replication are no evidence that \
             replications are alike; differences are the numerical noise floor."
        )],
        tables: vec![Table::new(&head, rows.iter().map(row).collect()).folded()],
        ..Part::default()
    }
}
