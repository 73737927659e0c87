//! The forms of Shrout and Fleiss, against R's psych and pingouin.

use std::collections::BTreeMap;

use grace_stats::Interval;
use grace_stats::law::Confidence;
use grace_stats::ratings::{FTest, Form, Forms, Ratings, ShroutFleiss, shrout_fleiss};
use proptest::prelude::*;
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied};

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    made_by: String,
    table: Vec<Vec<f64>>,
    forms: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    icc: f64,
    f: f64,
    p: f64,
    lower: f64,
    upper: f64,
}

fn forms(table: &[Vec<f64>]) -> Box<Forms> {
    let ratings = Ratings::from_rows(table.concat(), table[0].len()).unwrap();
    match shrout_fleiss(&ratings, Confidence::P95) {
        ShroutFleiss::Estimated(forms) => forms,
        other => panic!("{}", other.status()),
    }
}

#[test]
fn all_forms_agree_with_psych_and_pingouin() {
    let file = copied::<File>("ratings.json");
    for case in file.iter().flat_map(|file| &file.cases) {
        let found = forms(&case.table);
        let check = |name: &str, form: &Form, test: &FTest| {
            let average = &case.forms[&format!("{name}k")];
            check(
                &case.made_by,
                (form.single, form.single_interval),
                test,
                &case.forms[name],
            );
            check(
                &case.made_by,
                (form.average, form.average_interval),
                test,
                average,
            );
        };
        check("ICC1", &found.one_way, &found.one_way_test);
        check("ICC2", &found.random_raters, &found.two_way_test);
        check("ICC3", &found.fixed_raters, &found.two_way_test);
    }
}

fn check(what: &str, (icc, interval): (f64, Interval), test: &FTest, expected: &Expected) {
    assert_close(what, icc, expected.icc, 1e-10);
    assert_close(what, interval.lower, expected.lower, 1e-9);
    assert_close(what, interval.upper, expected.upper, 1e-9);
    assert_ratio(what, test.f, expected.f, 1e-9);
    assert_ratio(what, test.p, expected.p, 1e-8);
}

proptest! {
    #[test]
    fn forms_keep_their_bounds(
        values in prop::collection::vec(-3_i32..4, 40),
        raters in 2_usize..6,
        shift in -1000_i32..1000,
    ) {
        let table: Vec<f64> = values[..raters * 8].iter().map(|v| f64::from(*v)).collect();
        let moved: Vec<f64> = table.iter().map(|value| 2.0 * (value + f64::from(shift))).collect();
        let of = |table| shrout_fleiss(&Ratings::from_rows(table, raters).unwrap(), Confidence::P95);
        if let (ShroutFleiss::Estimated(one), ShroutFleiss::Estimated(other)) = (of(table), of(moved)) {
            prop_assert!(one.one_way.average <= 1.0 && one.fixed_raters.average <= 1.0);
            for (one, other) in [
                (one.one_way, other.one_way),
                (one.random_raters, other.random_raters),
                (one.fixed_raters, other.fixed_raters),
            ] {
                prop_assert!(one.single <= 1.0);
                prop_assert!(one.single_interval.lower <= one.single + 1e-9);
                prop_assert!(one.single <= one.single_interval.upper + 1e-9);
                prop_assert!((one.single - other.single).abs() < 1e-9);
            }
        }
    }
}
