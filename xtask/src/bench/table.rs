//! The table of figures: each beside a yardstick of the same run, as machines differ.

use std::io::Write;

/// A figure.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// On which engine; empty where that is no matter.
    pub engine: &'static str,
    /// What came out, with its unit.
    pub figure: String,
    /// The same machine's measure to hold it against.
    pub yardstick: String,
    /// Figure by yardstick.
    pub ratio: Option<f64>,
    /// What to reach, as text.
    pub goal: &'static str,
    /// Whether it is reached; `None` where no goal is set.
    pub met: Option<bool>,
}

/// Prints the table as Markdown.
pub fn print(rows: &[Row], output: &mut dyn Write) -> std::io::Result<()> {
    let cells = rows.iter().map(|row| {
        let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let met = match row.met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        [
            row.what.clone(),
            row.engine.to_owned(),
            row.figure.clone(),
            row.yardstick.clone(),
            ratio,
            row.goal.to_owned(),
            met.to_owned(),
        ]
    });
    let head = ["what", "engine", "figure", "yardstick", "ratio", "goal", ""].map(str::to_owned);
    let cells: Vec<[String; 7]> = std::iter::once(head).chain(cells).collect();
    let widths: [usize; 7] =
        std::array::from_fn(|column| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for (number, row) in cells.iter().enumerate() {
        let line: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(output, "| {} |", line.join(" | "))?;
        if number == 0 {
            writeln!(output, "|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = Row {
            what: "size".into(),
            engine: "",
            figure: "9 MB".into(),
            yardstick: String::new(),
            ratio: Some(0.5),
            goal: "< 30 MB",
            met: Some(false),
        };
        let mut text = Vec::new();
        print(&[row], &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert!(widths.len() == 3 && widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(text.contains("| 0.50  | < 30 MB | NOT MET |"), "{text}");
    }
}
