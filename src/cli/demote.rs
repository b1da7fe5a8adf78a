//! `portcullis demote`

use std::time::Duration;

use super::error::{CommandError, ErrorKind};
use super::promote::{edit_state, shown};
use super::session::{Connection, Session, connect_to, pick_tenant, say_findings, store};
use super::ui::Ui;
use super::{Global, Success};
use crate::apply;
use crate::diagnostic::{At, Source};
use crate::model::{Auth, Cloud, DesiredPolicy, Id, State, TenantDeclaration};
use crate::report::{Paint, visible};
use crate::sandbox;
use crate::store::{Store, write_atomic};
use crate::tenant::{PolicyList, ReadTenant as _};
use crate::workspace::{load_config, load_one, record_path};

/// Set a policy back to report-only, now: no gate, guard, question or name look-up.
///
/// With a key only portcullis.yaml and that one policy are read. With --id no workspace is needed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy's key.
    #[arg(required_unless_present = "id")]
    key: Option<String>,
    /// The live policy's id; works in an empty directory.
    #[arg(long, value_name = "GUID", conflicts_with = "key")]
    id: Option<String>,
    /// With --id: the cloud, as a name or as a loopback URL.
    #[arg(long, value_name = "CLOUD", requires = "id")]
    cloud: Option<String>,
    /// With --id: how to sign in.
    #[arg(long, value_name = "AUTH", requires = "id")]
    auth: Option<String>,
}

#[derive(serde::Serialize)]
struct Document<'a> {
    format_version: &'static str,
    /// The key, or the id that was given instead.
    policy: &'a str,
    name: &'a str,
    id: &'a str,
    state: &'static str,
}

pub(super) async fn run(args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    match (&args.key, &args.id) {
        (Some(key), _) => by_key(key, global, ui).await,
        (None, Some(id)) => by_id(id, args, global, ui).await,
        (None, None) => Err(CommandError::new("neither a key nor --id is given")),
    }
}

async fn by_key(key: &str, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    let loaded = load_one(&global.config, key);
    say_findings(&loaded.findings, &loaded.texts, ui);
    let Some(workspace) = loaded.workspace else {
        return Err(
            CommandError::new(format!("{key} cannot be found in the workspace"))
                .hint("`portcullis demote --id GUID` needs no workspace"),
        );
    };
    let name = pick_tenant(&workspace, global, true)?;
    let desired = workspace.desired(&name).map_err(|findings| {
        say_findings(&findings, &loaded.texts, ui);
        CommandError::new(format!("the workspace cannot be used for tenant {name}"))
            .hint("`portcullis demote --id GUID` needs no workspace")
    })?;
    let store = store(&workspace, global);
    let session = Session {
        workspace,
        texts: loaded.texts,
        desired,
        store,
    };
    let policy = session
        .desired
        .policies
        .get(key)
        .ok_or_else(|| CommandError::new(format!("the workspace has no policy {key}")))?;
    session.say_tenant(None, ui);
    let connection = session.connect(ui).await?;
    // A record of another tenant says nothing about this one.
    let here = match &session.desired.tenant.tenant_id {
        Some(id) => id.value.clone(),
        None => Id::new(sandbox::TENANT_ID),
    };
    let record = session
        .desired
        .records
        .get(key)
        .filter(|record| record.value.tenant_id == here);
    let pinned = policy
        .id
        .as_ref()
        .map(|id| id.value.clone())
        .or_else(|| record.map(|record| record.value.policy_id.clone()));
    let outcome = async {
        let id = match pinned {
            Some(id) => id,
            None => only_of_name(&connection, policy).await?,
        };
        lower(&connection, &id, key, Some(&session.store), global, ui).await
    }
    .await;
    connection.close().await;
    outcome?;
    write_down(&session, key, ui)
}

/// The id of the one live policy of that name, or else of an earlier one.
async fn only_of_name(connection: &Connection, policy: &DesiredPolicy) -> Result<Id, CommandError> {
    let PolicyList { policies, .. } = connection.tenant.policies().await?;
    let name = &policy.policy.name;
    let earlier = policy.renamed_from.iter().map(|name| &name.value);
    let (name, named) = std::iter::once(name)
        .chain(earlier)
        .map(|name| {
            let named: Vec<_> = policies
                .iter()
                .filter(|live| live.policy.name == *name)
                .collect();
            (name, named)
        })
        .find(|(_, named)| !named.is_empty())
        .unwrap_or((name, Vec::new()));
    match named.as_slice() {
        [live] => Ok(live.id.clone()),
        [] => Err(
            CommandError::new(format!("no live policy is called \"{name}\""))
                .hint("`portcullis demote --id GUID` lowers a policy by its id"),
        ),
        several => {
            let list: Vec<_> = several
                .iter()
                .map(|live| format!("{} ({})", live.id, live.state))
                .collect();
            Err(CommandError::new(format!(
                "{} live policies are called \"{name}\": {}",
                several.len(),
                list.join(", ")
            ))
            .hint("lower the one that is meant: `portcullis demote --id GUID`"))
        }
    }
}

async fn lower(
    connection: &Connection,
    id: &Id,
    key: &str,
    store: Option<&Store>,
    global: &Global,
    ui: &Ui,
) -> Result<(), CommandError> {
    let progress = |text: &str| ui.progress(text);
    let settle: Duration = connection.settle;
    let demoted = apply::demote(&connection.tenant, id, key, store, settle, &progress).await?;
    if let Some(why) = demoted.unjournalled {
        ui.aside(&format!(
            "warning: the journal does not know of this: {why}"
        ));
    }
    if global.json {
        return ui.json(&Document {
            format_version: "1.0",
            policy: key,
            name: &demoted.name,
            id: id.as_str(),
            state: State::ReportOnly.word(),
        });
    }
    ui.result(&format!(
        "{} \"{}\" is report-only: it stops nobody any more. Sign-ins may take some minutes to notice.",
        Paint::new(ui.color()).green("✓"),
        visible(&demoted.name)
    ));
    Ok(())
}

/// The YAML says report-only too, and the record is void.
fn write_down(session: &Session, key: &str, ui: &Ui) -> Result<Success, CommandError> {
    let root = session.workspace.root();
    let mut left = Vec::new();
    match edit_state(session, key, State::ReportOnly) {
        Ok(Some(edit)) => match write_atomic(&edit.file, edit.after.as_bytes()) {
            Ok(()) => ui.progress(&format!("{} says report-only now", shown(root, &edit.file))),
            Err(error) => left.push(format!(
                "{} cannot be written: {error}",
                shown(root, &edit.file)
            )),
        },
        Ok(None) => {}
        Err(error) => left.push(error.message),
    }
    let record = root.join(record_path(&session.desired.tenant.name, key));
    match std::fs::remove_file(&record) {
        Ok(()) => ui.progress(&format!("{} is deleted", shown(root, &record))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => left.push(format!(
            "{} cannot be deleted: {error}",
            shown(root, &record)
        )),
    }
    if left.is_empty() {
        return Ok(Success::Done);
    }
    let message = format!(
        "{key} is report-only in the tenant, and the workspace does not say so: {}",
        left.join("; ")
    );
    Err(CommandError::of(ErrorKind::Partly, message)
        .hint("set `state: report-only` and delete the promotion record by hand"))
}

async fn by_id(id: &str, args: &Args, global: &Global, ui: &Ui) -> Result<Success, CommandError> {
    if !Id::looks_like_guid(id) {
        return Err(CommandError::new(format!("{id} is not the id of a policy"))
            .hint("the id is a GUID; the portal shows it in the address of the policy's page"));
    }
    let (declaration, store) = declaration(args, global, ui)?;
    let fallback = Store::at(std::env::temp_dir());
    let connection = connect_to(&declaration, store.as_ref().unwrap_or(&fallback), ui).await?;
    let outcome = lower(&connection, &Id::new(id), id, store.as_ref(), global, ui).await;
    connection.close().await;
    outcome?;
    if store.is_some() {
        ui.progress("the YAML was not touched: set the policy's state to report-only there too");
    }
    Ok(Success::Done)
}

/// The tenant to reach: from the options, or from the workspace when there is one and no `--cloud`.
fn declaration(
    args: &Args,
    global: &Global,
    ui: &Ui,
) -> Result<(TenantDeclaration, Option<Store>), CommandError> {
    let given_store = global.store.clone().map(Store::at);
    if args.cloud.is_none() {
        let loaded = load_config(&global.config);
        if let Some(workspace) = loaded.workspace {
            let name = pick_tenant(&workspace, global, true)?;
            if let Some(declared) = workspace.tenant(&name) {
                let mut declared = declared.clone();
                if let Some(auth) = &args.auth {
                    let source = declared.source.clone();
                    declared.auth = Some(At::new(parse_auth(auth)?, source));
                }
                let store = store(&workspace, global);
                return Ok((declared, Some(store)));
            }
        }
        tracing::debug!("no workspace here");
    }
    let source = Source::file("the command line");
    let cloud = parse_cloud(args.cloud.as_deref().unwrap_or("global"))?;
    let tenant = std::env::var("AZURE_TENANT_ID")
        .ok()
        .filter(|id| !id.is_empty());
    let Some(tenant) = tenant else {
        return Err(CommandError::new(
            "AZURE_TENANT_ID is not set, and no workspace says which tenant is meant",
        )
        .hint("set AZURE_TENANT_ID to the tenant's id"));
    };
    let auth = match &args.auth {
        Some(auth) => parse_auth(auth)?,
        None if std::env::var_os("AZURE_CLIENT_SECRET").is_some() => Auth::ClientSecret,
        None => Auth::AzureCli,
    };
    if args.auth.is_none() && std::env::var_os("PORTCULLIS_ACCESS_TOKEN").is_none() {
        ui.progress(&format!(
            "signing in with {}; choose another way with --auth",
            auth.word()
        ));
    }
    Ok((
        TenantDeclaration {
            name: tenant.clone(),
            sandbox: false,
            tenant_id: Some(At::new(Id::new(tenant), source.clone())),
            cloud,
            auth: Some(At::new(auth, source.clone())),
            client_id: None,
            pace: None,
            settle: None,
            source,
        },
        given_store,
    ))
}

fn parse_cloud(text: &str) -> Result<Cloud, CommandError> {
    if let Some(cloud) = Cloud::from_word(text) {
        return Ok(cloud);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(Cloud::Custom {
            graph: text.to_owned(),
            login: text.to_owned(),
        });
    }
    Err(
        CommandError::new(format!("{text} is no cloud")).hint(format!(
            "one of {}, or a loopback URL",
            Cloud::WORDS.join(", ")
        )),
    )
}

fn parse_auth(text: &str) -> Result<Auth, CommandError> {
    Auth::from_word(text).ok_or_else(|| {
        CommandError::new(format!("{text} is no way to sign in"))
            .hint(format!("one of {}", Auth::WORDS.join(", ")))
    })
}
