//! The plan as text, in Terraform's habits: a legend, a sign a change, a sentence under it, a summary.

use std::fmt::Write as _;

use serde_json::Value;

use super::plan_document::{ChangeRow, FieldRow, PlanDocument, Summary, UnmanagedRow};
use super::style::Paint;
use super::visible::visible_value;

/// Renders a plan. `refusals` is their rendering with the places in the files, or empty.
pub fn render(plan: &PlanDocument, refusals: &str, color: bool) -> String {
    // Names come from the tenant, where others than administrators choose them.
    let visible = serde_json::from_value(visible_value(plan.to_value()));
    let plan: &PlanDocument = visible.as_ref().unwrap_or(plan);
    let paint = Paint::new(color);
    let mut out = String::new();
    let _ = writeln!(out, "{}", tenant_line(plan, paint));
    if let Some(back) = &plan.back_to {
        let _ = writeln!(
            out,
            "Rollback to the state of {} ({})",
            paint.bold(moment(&back.taken_at)),
            back.snapshot
        );
    }
    let shown: Vec<&ChangeRow> = plan
        .changes
        .iter()
        .filter(|change| change.action != "none" || !change.held.is_empty())
        .collect();
    if !shown.is_empty() {
        let _ = writeln!(
            out,
            "\n{}",
            paint.dim("+ create   ~ change   - delete   ▲ turn on   ▼ lower   ‖ held")
        );
    }
    for change in &shown {
        out.push('\n');
        render_change(change, paint, &mut out);
    }
    for change in plan
        .changes
        .iter()
        .filter(|change| change.action == "none" && change.held.is_empty())
        .filter(|change| !change.notes.is_empty())
    {
        let _ = writeln!(out, "\n  {} is as it should be.", change.policy);
        for note in &change.notes {
            let _ = writeln!(out, "    note: {note}");
        }
    }
    if !plan.unmanaged.is_empty() {
        let _ = writeln!(
            out,
            "\nUnmanaged, and left exactly as they are ({}):",
            plan.unmanaged.len()
        );
        for unmanaged in &plan.unmanaged {
            render_unmanaged(unmanaged, paint, &mut out);
        }
    }
    for note in &plan.notes {
        let about = note
            .policy
            .as_ref()
            .map_or_else(String::new, |policy| format!("{policy}: "));
        let _ = writeln!(out, "\n{} {about}{}", paint.yellow("note:"), note.message);
    }
    if !refusals.is_empty() {
        let _ = write!(out, "\n{refusals}");
    }
    let _ = writeln!(out, "\n{}", summary_line(plan, paint));
    out
}

fn tenant_line(plan: &PlanDocument, paint: Paint) -> String {
    let domain = plan
        .tenant
        .domain
        .as_ref()
        .map_or_else(String::new, |domain| format!("{domain}, "));
    format!(
        "Tenant {} ({domain}{}) as of {}",
        paint.bold(&plan.tenant.name),
        plan.tenant.id,
        moment(&plan.created_at)
    )
}

/// A point in time as people read it.
pub(super) fn moment(time: &str) -> String {
    time.parse::<jiff::Timestamp>().map_or_else(
        |_| time.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

fn render_change(change: &ChangeRow, paint: Paint, out: &mut String) {
    let to = &change.to_state;
    let (sign, headline) = match change.action.as_str() {
        "create" if change.id.is_some() => (
            paint.green("+"),
            format!("will be restored from the recycle bin, {to}"),
        ),
        "create" => (paint.green("+"), format!("will be created, {to}")),
        "update" if change.from_state != *to => (
            paint.yellow("~"),
            format!("will be changed, and go from {} to {to}", change.from_state),
        ),
        "update" => (paint.yellow("~"), format!("will be changed; it stays {to}")),
        "promote" => (paint.green("▲"), "will be turned on".to_owned()),
        "restore" if change.from_state == "absent" => (
            paint.green("▲"),
            "will be restored from the recycle bin, and is on again".to_owned(),
        ),
        "restore" => (paint.green("▲"), "will be turned on again".to_owned()),
        "demote" => (
            paint.yellow("▼"),
            "will go back to report-only: nothing is enforced any more".to_owned(),
        ),
        "disable" => (paint.yellow("▼"), "will be switched off".to_owned()),
        "delete" => (paint.red("-"), "will be deleted".to_owned()),
        _ => (paint.yellow("‖"), format!("is held; it stays {to}")),
    };
    let _ = writeln!(
        out,
        "{sign} {} \"{}\" {headline}",
        paint.bold(&change.policy),
        change.name
    );
    let _ = writeln!(
        out,
        "    {}",
        paint.dim(format!("{}:{}", change.source.file, change.source.line))
    );
    for field in &change.fields {
        render_field(field, paint, out);
    }
    let _ = writeln!(out, "    {}", effect_sentence(change));
    for note in &change.notes {
        let _ = writeln!(out, "    note: {note}");
    }
    for held in &change.held {
        let until = held.until.as_ref().map_or_else(String::new, |until| {
            format!(" (not before {})", moment(until))
        });
        let _ = writeln!(
            out,
            "    {} by gate {}: {}{until}",
            paint.yellow("held"),
            held.gate,
            held.reason
        );
    }
}

fn effect_sentence(change: &ChangeRow) -> &'static str {
    match (change.action.as_str(), change.effect.as_str()) {
        ("create", _) => "Effect: nobody is asked for anything; sign-ins are evaluated and logged.",
        ("promote" | "restore", _) => "Effect: the policy is enforced from now on.",
        ("demote" | "disable", _) | ("delete", "weakens") => {
            "Effect: what the policy asks for is asked of nobody any more."
        }
        ("delete", _) => "Effect: nobody is asked for anything; the policy does not enforce.",
        ("none", "strengthens") => "Effect if it were applied: stricter for somebody.",
        ("none", "unknown") => {
            "Effect if it were applied: cannot be told, so it counts as stricter."
        }
        ("none", _) => "Effect: nothing is written.",
        (_, "strengthens") => "Effect: stricter for somebody, weaker for nobody.",
        (_, "weakens") => "Effect: weaker for somebody, stricter for nobody.",
        (_, "neutral") => "Effect: the same is asked of everybody.",
        _ => "Effect: cannot be told from the shape of the change; it counts as stricter.",
    }
}

pub(super) fn render_field(field: &FieldRow, paint: Paint, out: &mut String) {
    let origin = match field.origin.as_str() {
        "implied" => paint.dim("  (implied: declared break-glass)"),
        "default" => paint.dim("  (default)"),
        _ => String::new(),
    };
    let path = &field.path;
    let line = match (&field.before, &field.after) {
        (Value::Array(before), Value::Array(after)) => {
            let added: Vec<_> = after.iter().filter(|item| !before.contains(item)).collect();
            let removed: Vec<_> = before.iter().filter(|item| !after.contains(item)).collect();
            let mut parts = Vec::new();
            if !added.is_empty() {
                parts.push(paint.green(format!("+ {}", list(&added))));
            }
            if !removed.is_empty() {
                parts.push(paint.red(format!("- {}", list(&removed))));
            }
            format!("{path}: {}", parts.join("  "))
        }
        (Value::Null, after) => format!("{path}: {}", paint.green(format!("+ {}", word(after)))),
        (before, Value::Null) => format!("{path}: {}", paint.red(format!("- {}", word(before)))),
        (before, after) => format!(
            "{path}: {} -> {}",
            paint.red(word(before)),
            paint.green(word(after))
        ),
    };
    let _ = writeln!(out, "      {line}{origin}");
}

fn list(items: &[&Value]) -> String {
    items
        .iter()
        .map(|item| word(item))
        .collect::<Vec<_>>()
        .join(", ")
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => list(&items.iter().collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

fn render_unmanaged(unmanaged: &UnmanagedRow, paint: Paint, out: &mut String) {
    let state = unmanaged.state.as_deref().unwrap_or("unreadable");
    let _ = writeln!(out, "    {} ({state})", unmanaged.name);
    for note in &unmanaged.notes {
        let _ = writeln!(out, "      {}", paint.yellow(note));
    }
}

fn summary_line(plan: &PlanDocument, paint: Paint) -> String {
    let summary = &plan.summary;
    let Summary {
        create,
        update,
        promote,
        restore,
        demote,
        disable,
        delete,
        unchanged: _,
        held,
        unmanaged,
    } = summary;
    let writes = create + update + promote + restore + demote + disable + delete;
    let tail = match &plan.back_to {
        None => format!("{held} held, {unmanaged} unmanaged."),
        Some(_) => format!("{held} held; every other policy is left exactly as it is."),
    };
    if !plan.refusals.is_empty() {
        let n = plan.refusals.len();
        let reasons = if n == 1 {
            "1 reason"
        } else {
            "several reasons"
        };
        return format!(
            "{} for {reasons} above; nothing can be applied until that is settled.",
            paint.red("Refused")
        );
    }
    if writes == 0 && plan.back_to.is_some() {
        return format!(
            "{} Every policy that was applied since is as it was then; {tail}",
            paint.bold("No changes.")
        );
    }
    if writes == 0 {
        return format!(
            "{} There is nothing to change; {tail}",
            paint.bold("No changes.")
        );
    }
    let created: Vec<&str> = plan
        .changes
        .iter()
        .filter(|change| change.action == "create")
        .map(|change| change.to_state.as_str())
        .collect();
    let how = if created.iter().all(|state| *state == "report-only") {
        "report-only"
    } else if created.iter().all(|state| *state == "off") {
        "off"
    } else {
        "report-only or off"
    };
    let mut parts = vec![
        format!("{create} to create ({how})"),
        format!("{update} to change"),
        format!("{promote} to promote"),
    ];
    for (count, what) in [
        (restore, "to restore"),
        (demote, "to demote"),
        (disable, "to disable"),
    ] {
        if *count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("{delete} to delete"));
    format!("{} {}; {tail}", paint.bold("Plan:"), parts.join(", "))
}
