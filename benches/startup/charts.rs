//! The results as pictures.

use crate::results::{Case, Results, Row};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::fs;
use std::path::Path;

type Done = Result<(), Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 960;
const BAR: i32 = 22;
const HEAD: i32 = 46;
const FONT: &str = "sans-serif";
/// A colour for each of those that are drawn often; for others the last one.
const COLOURS: [(&str, RGBColor); 11] = [
    ("floor", RGBColor(150, 150, 150)),
    ("vesicle --t", RGBColor(160, 20, 120)),
    ("vesicle -", RGBColor(240, 150, 60)),
    ("vesicle", RGBColor(214, 69, 30)),
    ("unshare", RGBColor(44, 160, 44)),
    ("bwrap", RGBColor(31, 119, 180)),
    ("crun", RGBColor(148, 103, 189)),
    ("runc", RGBColor(140, 86, 75)),
    ("busybox", RGBColor(23, 190, 207)),
    ("tini", RGBColor(44, 110, 90)),
    ("", RGBColor(110, 120, 150)),
];

/// Draws all that there are figures for.
pub fn draw(results: &Results, folder: &Path) -> Done {
    fs::create_dir_all(folder)?;
    let named = |name: &'static str| results.cases.iter().filter(move |c| c.name == name);
    let launches: Vec<&Case> =
        results.cases.iter().filter(|c| c.at.is_none() && c.name != "namespaces").collect();
    let median = |r: &Row| r.times.as_ref().map(|t| t.median);
    bars(&folder.join("startup.svg"), &launches, "µs, median", &median)?;
    bars(&folder.join("namespaces.svg"), &named("namespaces").collect::<Vec<_>>(), "µs, median", &median)?;
    bars(&folder.join("throughput.svg"), &named("at-once").collect::<Vec<_>>(), "launches a second", &|r| {
        r.per_second.map(|i| i.value)
    })?;
    // The more there are, the less of it is noise.
    let known = |c: &&Case| c.rows.iter().filter(|r| r.memory.is_some()).count() > 2;
    let most = named("containers").filter(known).max_by_key(|c| c.at);
    bars(&folder.join("memory.svg"), &most.into_iter().collect::<Vec<_>>(), "KiB a container", &|r| {
        r.memory.as_ref().map(|m| m.all)
    })?;
    let growing = [
        ("mounts", "mounts in the caller's namespace"),
        ("containers", "containers that live"),
        ("placement", "busy processes for each CPU"),
    ];
    lines(&folder.join("growth.svg"), &growing.map(|(name, of)| (of, named(name).collect::<Vec<_>>())))
}

/// The colour of a tool: that of the one whose name its own begins with.
fn colour(tool: &str) -> RGBColor {
    COLOURS.iter().find(|(name, _)| tool.starts_with(name)).map_or(BLACK, |(_, colour)| *colour)
}

/// A panel for each case, a bar for each of its rows that have this figure.
fn bars(file: &Path, cases: &[&Case], unit: &str, of: &dyn Fn(&Row) -> Option<f64>) -> Done {
    let panels: Vec<(&Case, Vec<(&Row, f64)>)> = cases
        .iter()
        .map(|c| (*c, c.rows.iter().filter_map(|r| Some((r, of(r)?))).collect()))
        .filter(|(_, rows): &(_, Vec<_>)| !rows.is_empty())
        .collect();
    if panels.is_empty() {
        return Ok(());
    }
    let height = panels.iter().map(|(_, rows)| HEAD + BAR * rows.len() as i32 + 12).sum::<i32>();
    let root = SVGBackend::new(file, (WIDTH, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut top = 0;
    for (case, rows) in panels {
        panel(&root, top, case, unit, &rows)?;
        top += HEAD + BAR * rows.len() as i32 + 12;
    }
    Ok(root.present()?)
}

fn panel(root: &Area, top: i32, case: &Case, unit: &str, rows: &[(&Row, f64)]) -> Done {
    const NAMES: i32 = 170;
    const FIGURES: i32 = 150;
    let title = format!("{}: {} ({unit})", case.label(), case.title);
    root.draw(&Text::new(title, (12, top + 16), (FONT, 16).into_font()))?;
    let most = rows.iter().map(|(_, v)| *v).fold(0.0, f64::max);
    // One that is far above all others would leave nothing to be seen of them: it is cut, and its bar has no end.
    let mut sorted: Vec<f64> = rows.iter().map(|(_, v)| *v).collect();
    sorted.sort_by(f64::total_cmp);
    let full = most.min(sorted[sorted.len() / 2] * 4.0);
    let right = HPos::Right;
    let name = TextStyle::from((FONT, 14).into_font()).pos(Pos::new(right, VPos::Center));
    let figure = TextStyle::from((FONT, 14).into_font()).pos(Pos::new(HPos::Left, VPos::Center));
    let first = rows.iter().find(|(r, _)| r.tool == "floor").map(|(_, v)| *v);
    for (n, (row, value)) in rows.iter().enumerate() {
        let (y, middle) = (top + HEAD + BAR * n as i32, top + HEAD + BAR * n as i32 + (BAR - 4) / 2);
        let space = f64::from(WIDTH as i32 - NAMES - FIGURES);
        let end = NAMES + (space * value.min(full) / full) as i32;
        let hue = colour(&row.tool);
        root.draw(&Text::new(row.tool.clone(), (NAMES - 8, middle), name.clone()))?;
        root.draw(&Rectangle::new([(NAMES, y), (end, y + BAR - 4)], hue.filled()))?;
        if *value > full {
            let gap = |x: i32| Rectangle::new([(x, y), (x + 4, y + BAR - 4)], WHITE.filled());
            root.draw(&gap(end - 24))?;
            root.draw(&gap(end - 14))?;
        }
        let times = first.map_or(String::new(), |f| format!("  {:.2} ×", value / f));
        let digits = if *value < 100.0 { 1 } else { 0 };
        root.draw(&Text::new(format!("{value:.digits$}{times}"), (end + 8, middle), figure.clone()))?;
    }
    Ok(())
}

/// A panel for each thing that grows: a line for each tool, both axes logarithmic.
fn lines(file: &Path, panels: &[(&str, Vec<&Case>)]) -> Done {
    let panels: Vec<_> = panels.iter().filter(|(_, cases)| cases.len() > 1).collect();
    if panels.is_empty() {
        return Ok(());
    }
    let root = SVGBackend::new(file, (WIDTH, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    for ((of, cases), area) in panels.iter().zip(root.split_evenly((1, panels.len()))) {
        let mut tools: Vec<String> = Vec::new();
        for row in cases.iter().flat_map(|c| &c.rows) {
            if row.times.is_some() && !tools.contains(&row.tool) {
                tools.push(row.tool.clone());
            }
        }
        let at = |tool: &str| -> Vec<(f64, f64)> {
            let rows = cases.iter().flat_map(|c| c.rows.iter().map(|r| (c.at.unwrap_or(0), r)));
            rows.filter(|(_, r)| r.tool == tool)
                // None of them stands where one would.
                .filter_map(|(n, r)| Some(((n as f64).max(10.0), r.times.as_ref()?.median)))
                .collect()
        };
        let all: Vec<f64> = tools.iter().flat_map(|t| at(t)).map(|(_, y)| y).collect();
        let (low, high) = all.iter().fold((f64::MAX, 0f64), |(l, h), y| (l.min(*y), h.max(*y)));
        let most = cases.iter().filter_map(|c| c.at).max().unwrap_or(1) as f64;
        let mut chart = ChartBuilder::on(&area)
            .caption(format!("µs a launch, over {of}"), (FONT, 16))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(56)
            .build_cartesian_2d((10.0..most * 1.1).log_scale(), (low * 0.8..high * 1.3).log_scale())?;
        let count = |x: &f64| if *x < 11.0 { "0".to_string() } else { format!("{x:.0}") };
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_label_formatter(&count)
            .y_label_formatter(&|y| format!("{y:.0}"))
            .draw()?;
        for tool in &tools {
            let hue = colour(tool);
            chart
                .draw_series(LineSeries::new(at(tool), hue.stroke_width(2)).point_size(3))?
                .label(tool)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], hue.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font((FONT, 12))
            .draw()?;
    }
    Ok(root.present()?)
}
