//! Small tables as CSV.

/// Lines of equal length as CSV.
pub(crate) fn lines_to_csv(lines: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    const INVARIANT: &str = "lines of any length can be written to memory";
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).expect(INVARIANT);
    }
    writer.into_inner().expect(INVARIANT)
}
