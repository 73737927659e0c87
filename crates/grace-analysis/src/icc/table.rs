//! The cells of any table in a CSV file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use grace_core::{Problem, Problems};

use super::cell::{Cell, Factor, Value};
use super::measure::yes_or_no;
use super::row::IccRow;

/// Which columns of a table are what.
#[derive(Debug, Clone)]
pub struct TableColumns {
    /// The columns of values; each is a measure.
    pub values: Vec<String>,
    /// The column that tells the replication.
    pub replication: String,
    /// The columns that tell conditions apart.
    pub by: Vec<String>,
}

/// A table that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is in the file, with every mistake.
    #[error(transparent)]
    Problems(#[from] Problems),
}

/// The cells of the CSV file `file`, whose content is `bytes`: by condition and measure, in the order of their names.
///
/// A value is a number, or `yes` or `true` (1), `no` or `false` (0). An empty field, `NA`, `NaN` and `null` are missing
/// values. Rows may come in any order.
///
/// # Errors
///
/// Returns every mistake in the file: columns that are not there, and values that are neither numbers nor missing.
pub fn cells_of_table(
    file: &str,
    bytes: &[u8],
    columns: &TableColumns,
) -> Result<Vec<Cell>, Problems> {
    let mut problems = Problems::new();
    let mut reader = csv::Reader::from_reader(bytes);
    let whole = |error: csv::Error| Problem::new(file, format!("is no CSV file: {error}"));
    let head = reader.byte_headers().map_err(whole)?.clone();
    let find = |name: &String| head.iter().position(|other| other == name.as_bytes());
    let mut place = |name: &String| {
        let found = find(name);
        if found.is_none() {
            let names: Vec<_> = head.iter().map(String::from_utf8_lossy).collect();
            let message = format!("is no column of this file; it has {}", names.join(", "));
            problems.push(Problem::new(file, message).at_key(name));
        }
        found.unwrap_or_default()
    };
    let replication = place(&columns.replication);
    let by: Vec<usize> = columns.by.iter().map(&mut place).collect();
    let values: Vec<usize> = columns.values.iter().map(&mut place).collect();
    for (number, name) in columns.by.iter().enumerate() {
        let message = if find(name).is_none() {
            continue; // told already
        } else if IccRow::has_field(name) {
            "cannot tell conditions apart: the table of results has a column of this name; rename it in the file"
        } else if columns.by[..number].contains(name) {
            "is given twice to tell conditions apart; give it once"
        } else {
            continue;
        };
        problems.push(Problem::new(file, message).at_key(name));
    }
    let problems_of_head = std::mem::take(&mut problems);
    problems_of_head.into_result(())?;

    let mut table = Table::default();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(whole)? {
        let line = record.position().map_or(0, csv::Position::line);
        let label = record[replication].trim_ascii();
        if is_missing(&String::from_utf8_lossy(label)) {
            let message = "names no replication, expected a label in each row; leave out rows that belong to none";
            let problem = Problem::new(file, message).at_line(line);
            problems.push(problem.at_key(&columns.replication));
            continue;
        }
        let replication = table.replication(label);
        let key: Vec<Vec<u8>> = by.iter().map(|place| record[*place].to_vec()).collect();
        let measures = table
            .0
            .entry(key)
            .or_insert_with(|| vec![Vec::new(); values.len()]);
        for ((name, place), measure) in columns.values.iter().zip(&values).zip(measures) {
            match parse(&record[*place]) {
                Ok(value) => measure.push(Value::new(replication, None, value)),
                Err(found) => {
                    let message = format!("is `{found}`, expected a number, yes, no, or nothing");
                    problems.push(Problem::new(file, message).at_line(line).at_key(name));
                }
            }
        }
    }
    problems.into_result(table.cells(columns))
}

/// Values by condition and measure, and the labels of replications.
#[derive(Default)]
struct Table(
    BTreeMap<Vec<Vec<u8>>, Vec<Vec<Value>>>,
    BTreeMap<Vec<u8>, u32>,
);

impl Table {
    /// A number for the label of a replication.
    fn replication(&mut self, label: &[u8]) -> u32 {
        if let Some(number) = self.1.get(label) {
            return *number;
        }
        let number = u32::try_from(self.1.len()).unwrap_or(u32::MAX);
        self.1.insert(label.to_vec(), number);
        number
    }

    fn cells(self, columns: &TableColumns) -> Vec<Cell> {
        // Numbers are given by first appearance; sorted by label, they do not depend on the order of the rows.
        let mut rank = vec![0; self.1.len()];
        for (place, number) in (0_u32..).zip(self.1.values()) {
            rank[*number as usize] = place;
        }
        let mut cells = Vec::new();
        for (key, measures) in self.0 {
            let names = columns.by.iter().zip(&key);
            let factors: Vec<Factor> = names
                .map(|(name, level)| Factor::new(name, String::from_utf8_lossy(level)))
                .collect();
            for (name, mut values) in columns.values.iter().zip(measures) {
                for value in &mut values {
                    value.replication = rank[value.replication as usize];
                }
                cells.push(Cell::new(factors.clone(), name, values));
            }
        }
        cells
    }
}

/// What stands for a missing value.
fn is_missing(word: &str) -> bool {
    matches!(word, "" | "NA" | "NaN" | "nan" | "null" | "None")
}

fn parse(field: &[u8]) -> Result<Option<f64>, String> {
    let text = String::from_utf8_lossy(field);
    match text.trim() {
        word if is_missing(word) => Ok(None),
        word => match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => yes_or_no(word).map(Some).ok_or_else(|| word.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(values: &[&str]) -> TableColumns {
        TableColumns {
            values: values.iter().map(|&name| name.to_owned()).collect(),
            replication: String::from("r"),
            by: vec![String::from("c")],
        }
    }

    #[test]
    fn values_are_numbers_words_or_missing() {
        let text = "c,r,v,w\na,1,2.5,yes\na,0,,no\nb,0,NA,no\n";
        let cells = cells_of_table("t.csv", text.as_bytes(), &columns(&["v", "w"])).unwrap();
        let shown: Vec<_> = cells
            .iter()
            .map(|cell| {
                let values = cell
                    .values
                    .iter()
                    .map(|value| (value.replication, value.value));
                (
                    cell.by[0].level.as_str(),
                    cell.measure.as_str(),
                    values.collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "v", vec![(1, Some(2.5)), (0, None)]),
                ("a", "w", vec![(1, Some(1.0)), (0, Some(0.0))]),
                ("b", "v", vec![(0, None)]),
                ("b", "w", vec![(0, Some(0.0))]),
            ]
        );
    }

    #[test]
    fn every_mistake_is_told() {
        let text = "c,r,v\na,1,two\na,0,inf\n";
        let problems = cells_of_table("t.csv", text.as_bytes(), &columns(&["v"])).unwrap_err();
        let text = problems.to_string();
        assert!(
            text.contains("t.csv:2: `v` is `two`") && text.contains("t.csv:3: `v` is `inf`"),
            "{text}"
        );
        let problems = cells_of_table("t.csv", b"c,r\n", &columns(&["v", "w"])).unwrap_err();
        assert_eq!(problems.as_slice().len(), 2, "{problems}");
    }

    #[test]
    fn names_of_the_results_are_no_names_of_conditions() {
        let of = |by: &[&str]| {
            let columns = TableColumns {
                by: by.iter().map(|&name| name.to_owned()).collect(),
                ..columns(&["v"])
            };
            cells_of_table("t.csv", b"r,v,status,icc,measure\n", &columns)
        };
        let text = of(&["status", "icc", "measure", "measure"])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("`status` cannot tell conditions apart"),
            "{text}"
        );
        assert!(
            text.contains("`icc` cannot tell conditions apart"),
            "{text}"
        );
        assert!(text.contains("`measure` is given twice"), "{text}");
        assert!(of(&["measure"]).is_ok());
        let absent = of(&["verdict"]).unwrap_err();
        assert_eq!(absent.as_slice().len(), 1, "{absent}");
    }

    #[test]
    fn a_row_without_a_replication_is_a_mistake_and_no_replication_of_its_own() {
        let bytes = b"r,c,x\n0,a,1\n 0,a,2\n1,a,3\n,a,4\nNA,a,5\n";
        let problems = cells_of_table("t.csv", bytes, &columns(&["x"])).unwrap_err();
        let text = problems.to_string();
        assert!(text.contains("t.csv:5: `r` names no replication"), "{text}");
        assert!(text.contains("t.csv:6: `r` names no replication"), "{text}");
        let cells =
            cells_of_table("t.csv", b"r,c,x\n0,a,1\n 0,a,2\n1,a,3\n", &columns(&["x"])).unwrap();
        let replications: Vec<u32> = cells[0].values.iter().map(|it| it.replication).collect();
        assert_eq!(replications, [0, 0, 1], "labels are trimmed, as values are");
    }
}
