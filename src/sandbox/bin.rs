//! The recycle bin: what is deleted in Conditional Access can be brought back for 30 days, as it was.

use serde_json::{Value, json};

use super::audit::Activity;
use super::clock::{graph_time, tick, within_retention};
use super::errors::Failure;
use super::owner::{Answer, Session};
use super::query::{Collection, count, page, single};
use super::request::{Reply, Request};
use super::routes::Handled;
use super::tenant::{Change, Row, Table, text};

/// One kind of object that the bin keeps.
#[derive(Clone, Copy)]
pub(super) struct Bin {
    pub(super) live: Table,
    pub(super) deleted: Table,
    /// What `$metadata#` says of the bin, and of what is restored.
    pub(super) context: &'static str,
    pub(super) restored: &'static str,
    pub(super) collection: for<'a> fn(&'a str) -> Collection<'a>,
    pub(super) is_visible: fn(&Request, &Value) -> bool,
    pub(super) rendered: fn(&Session<'_>, &Request, &Value) -> Value,
    pub(super) unknown: fn(&str) -> Failure,
    /// The names of the two activities.
    pub(super) restore: &'static str,
    pub(super) erase: &'static str,
    pub(super) activity:
        fn(&'static str, &'static str, &Value, Option<&Value>, Option<&Value>) -> Activity,
}

/// Answers below `deletedItems`.
pub(super) fn answer(
    session: &Session<'_>,
    request: &Request,
    bin: &Bin,
    rest: &[&str],
) -> Handled {
    let kept = || {
        session
            .tenant
            .rows(bin.deleted)
            .filter(|row| is_kept(session, row) && (bin.is_visible)(request, row))
    };
    let collection = (bin.collection)(bin.context);
    match (request.method.as_str(), rest) {
        ("GET", []) => page(request, kept(), &collection, |row| {
            (bin.rendered)(session, request, row)
        })
        .map(Answer::Read),
        ("GET", ["$count"]) => count(request, kept(), &collection).map(Answer::Read),
        ("GET", [id]) => {
            let row = find(session, request, bin, id)?;
            let row = (bin.rendered)(session, request, &row);
            Ok(Answer::Read(single(request, bin.context, row, &[])))
        }
        ("POST", [id, "restore"]) => restore(session, request, bin, id),
        ("DELETE", [id]) => {
            let row = find(session, request, bin, id)?;
            let change = Change::Remove {
                table: bin.deleted,
                id: text(&row, "id").to_owned(),
            };
            let activity = (bin.activity)(bin.erase, "Delete", &row, Some(&row), None);
            Ok(Answer::write(vec![change], activity, Reply::no_content()))
        }
        (_, [] | [_] | [_, "restore"]) => Err(Failure::method_not_allowed()),
        _ => Err(Failure::no_such_segment(rest.last().unwrap_or(&""))),
    }
}

/// What puts an object into the bin.
pub(super) fn changes(session: &Session<'_>, bin: &Bin, old: &Value) -> Vec<Change> {
    let mut row = old.clone();
    row["deletedDateTime"] = json!(graph_time(tick(session.tenant.now())));
    vec![
        Change::Remove {
            table: bin.live,
            id: text(old, "id").to_owned(),
        },
        Change::Put {
            table: bin.deleted,
            row,
        },
    ]
}

/// Brings an object back as it was: a policy that was on enforces at once.
pub(super) fn restore(session: &Session<'_>, request: &Request, bin: &Bin, id: &str) -> Handled {
    let mut row = Value::clone(&*find(session, request, bin, id)?);
    // synthetic: that it comes back on beside security defaults too. It comes back in the state it had
    // (1.10 of the contract); whether the gate of 3.4 stands in between no source says.
    if let Some(object) = row.as_object_mut() {
        object.remove("deletedDateTime");
    }
    let activity = (bin.activity)(bin.restore, "Update", &row, None, Some(&row));
    let shown = (bin.rendered)(session, request, &row);
    let reply = single(request, bin.restored, shown, &[]);
    let changes = vec![
        Change::Remove {
            table: bin.deleted,
            id: text(&row, "id").to_owned(),
        },
        Change::Put {
            table: bin.live,
            row,
        },
    ];
    Ok(Answer::write(changes, activity, reply))
}

fn is_kept(session: &Session<'_>, row: &Value) -> bool {
    text(row, "deletedDateTime")
        .parse()
        .is_ok_and(|then| within_retention(session.tenant.now(), then))
}

fn find(session: &Session<'_>, request: &Request, bin: &Bin, id: &str) -> Result<Row, Failure> {
    session
        .tenant
        .row(bin.deleted, id)
        .filter(|row| is_kept(session, row) && (bin.is_visible)(request, row))
        .ok_or_else(|| (bin.unknown)(id))
}
