//! What most commands begin with: the workspace, the tenant, and the way to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Global;
use super::error::{CommandError, ErrorKind};
use super::ui::Ui;
use crate::diagnostic::{At, Diagnostic, Severity, Source};
use crate::graph::{Callbacks, Environment, GraphTenant, connect};
use crate::model::{Auth, Cloud, Desired, Id, TenantDeclaration};
use crate::report::diagnostics;
use crate::sandbox;
use crate::store::Store;
use crate::tenant::{Lookups, ReadTenant as _, Snapshot};
use crate::workspace::{Loaded, Workspace, load};

/// How long a write may stay unseen, off loopback and on it (contract section 3.2).
const SETTLE: Duration = Duration::from_secs(60);
const SETTLE_ON_LOOPBACK: Duration = Duration::from_secs(2);

/// A workspace and one of its tenants.
pub(super) struct Session {
    pub(super) workspace: Workspace,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) desired: Desired,
    pub(super) store: Store,
}

/// A way to a tenant, and the sandbox behind it when it is one.
pub(super) struct Connection {
    pub(super) tenant: GraphTenant,
    pub(super) settle: Duration,
    sandbox: Option<sandbox::Running>,
}

impl Connection {
    /// Lets a sandbox finish what it is answering.
    pub(super) async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

/// Loads the workspace and prints what is wrong with it; an error ends the command.
pub(super) fn load_workspace(
    global: &Global,
    ui: &Ui,
) -> Result<(Workspace, BTreeMap<String, String>), CommandError> {
    let Loaded {
        workspace,
        findings,
        texts,
    } = load(&global.config);
    say_findings(&findings, &texts, ui);
    match workspace {
        Some(workspace) if !has_errors(&findings) => Ok((workspace, texts)),
        _ => Err(
            CommandError::of(ErrorKind::Error, "the workspace cannot be used as it is")
                .hint("`portcullis validate` checks it offline"),
        ),
    }
}

/// Whether a finding keeps the files from being used.
pub(super) fn has_errors(findings: &[Diagnostic]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Prints findings beside the result.
pub(super) fn say_findings(findings: &[Diagnostic], texts: &BTreeMap<String, String>, ui: &Ui) {
    if !findings.is_empty() {
        ui.aside(&diagnostics::render(findings, texts, ui.color_err()));
    }
}

impl Session {
    /// Loads the workspace and picks the tenant; `writes` says whether the command changes the tenant
    /// or the workspace.
    pub(super) fn begin(global: &Global, ui: &Ui, writes: bool) -> Result<Self, CommandError> {
        let (workspace, texts) = load_workspace(global, ui)?;
        let name = pick_tenant(&workspace, global, writes)?;
        let desired = workspace.desired(&name).map_err(|findings| {
            say_findings(&findings, &texts, ui);
            CommandError::new(format!("the workspace cannot be used for tenant {name}"))
        })?;
        if let Some(glob) = &global.policy
            && !desired.policies.keys().any(|key| glob.matches(key))
        {
            ui.aside(&format!(
                "warning: no policy has a key that matches --policy {glob}"
            ));
        }
        if desired.policies.is_empty() {
            ui.aside("warning: the workspace has no policies: there is no policies/*.yaml");
        }
        let store = store(&workspace, global);
        Ok(Self {
            workspace,
            texts,
            desired,
            store,
        })
    }

    /// Opens the way to the tenant; nothing is asked of it yet.
    pub(super) async fn connect(&self, ui: &Ui) -> Result<Connection, CommandError> {
        connect_to(&self.desired.tenant, &self.store, ui).await
    }

    /// Reads the tenant, and says so when it takes a while.
    pub(super) async fn read(&self, lookups: &Lookups, ui: &Ui) -> Result<Snapshot, CommandError> {
        let connection = self.connect(ui).await?;
        let snapshot = ui
            .patiently("reading the tenant", connection.tenant.snapshot(lookups))
            .await;
        connection.close().await;
        Ok(snapshot?)
    }

    /// With more than one tenant declared, says which one is about to be written to.
    pub(super) fn say_tenant(&self, domain: Option<&str>, ui: &Ui) {
        if self.workspace.tenant_names().count() > 1 {
            let tenant = &self.desired.tenant;
            let id = match &tenant.tenant_id {
                Some(id) => id.value.as_str(),
                None => sandbox::TENANT_ID,
            };
            let domain = domain.map_or_else(String::new, |domain| format!("{domain}, "));
            ui.aside(&format!("Tenant {} ({domain}{id})", tenant.name));
        }
    }

    /// What a command line for this tenant needs besides: nothing while there is only one.
    pub(super) fn tenant_option(&self) -> String {
        if self.workspace.tenant_names().count() > 1 {
            format!(" --tenant {}", self.desired.tenant.name)
        } else {
            String::new()
        }
    }

    /// Renders refusals with the places in the files.
    pub(super) fn refusals(&self, refusals: &[crate::plan::Refusal], color: bool) -> String {
        let findings: Vec<Diagnostic> = refusals
            .iter()
            .map(|refusal| {
                let source = refusal
                    .source
                    .clone()
                    .unwrap_or_else(|| Source::file("portcullis.yaml"));
                let finding = Diagnostic::error(refusal.guard, refusal.message.clone(), source);
                match &refusal.help {
                    Some(help) => finding.help(help),
                    None => finding,
                }
            })
            .collect();
        if findings.is_empty() {
            String::new()
        } else {
            diagnostics::render(&findings, &self.texts, color)
        }
    }
}

/// The store of a workspace: `--store`, else `store:`, else beside portcullis.yaml.
pub(super) fn store(workspace: &Workspace, global: &Global) -> Store {
    let path: PathBuf = global.store.clone().unwrap_or_else(|| {
        workspace
            .root()
            .join(workspace.store().unwrap_or(".portcullis".as_ref()))
    });
    Store::at(path)
}

/// The tenant that is meant. A command that writes takes no default when there is a choice.
pub(super) fn pick_tenant(
    workspace: &Workspace,
    global: &Global,
    writes: bool,
) -> Result<String, CommandError> {
    let names: Vec<&str> = workspace.tenant_names().collect();
    let listed = names.join(", ");
    if let Some(name) = &global.tenant {
        return if names.contains(&name.as_str()) {
            Ok(name.clone())
        } else {
            Err(CommandError::new(format!("tenant {name} is not declared"))
                .hint(format!("declared in portcullis.yaml: {listed}")))
        };
    }
    if writes && names.len() > 1 {
        return Err(
            CommandError::new("more than one tenant is declared, and this command writes")
                .hint(format!("say which one is meant with --tenant: {listed}")),
        );
    }
    workspace
        .default_tenant()
        .map(str::to_owned)
        .ok_or_else(|| {
            CommandError::new("more than one tenant is declared, and none is the default")
                .hint(format!("say which one is meant with --tenant: {listed}"))
        })
}

/// The file that the sandbox is to record its exchanges to, when the environment names one.
pub(super) fn recorded() -> Option<PathBuf> {
    let file = std::env::var_os("PORTCULLIS_SANDBOX_RECORD")?;
    (!file.is_empty()).then(|| file.into())
}

/// Opens the way to a declared tenant, starting the sandbox when it is one.
pub(super) async fn connect_to(
    declared: &TenantDeclaration,
    store: &Store,
    ui: &Ui,
) -> Result<Connection, CommandError> {
    let mut declaration = declared.clone();
    let mut environment = Environment::of_process();
    let mut running = None;
    if declared.sandbox {
        let sandbox = sandbox::start(sandbox::Options {
            record: recorded(),
            ..sandbox::Options::of(store.root().join("sandbox"))
        })
        .await?;
        let source = declared.source.clone();
        declaration.cloud = Cloud::Custom {
            graph: sandbox.url().to_owned(),
            login: sandbox.url().to_owned(),
        };
        declaration.tenant_id = Some(At::new(Id::new(sandbox::TENANT_ID), source.clone()));
        declaration.auth = Some(At::new(Auth::ClientSecret, source));
        declaration.client_id = None;
        // The sandbox needs nobody's credentials, and must not see them.
        environment = Environment::of_client(sandbox::CLIENT_ID, sandbox::CLIENT_SECRET);
        running = Some(sandbox);
    }
    check_pinned_tenant(&declaration)?;
    let (sign_in, progress) = (*ui, *ui);
    let callbacks = Callbacks::new(
        move |text| sign_in.aside(text),
        move |text| progress.progress(text),
    );
    let tenant = connect(&declaration, &environment, callbacks)?;
    let settle = declaration.settle.unwrap_or(if tenant.is_on_loopback() {
        SETTLE_ON_LOOPBACK
    } else {
        SETTLE
    });
    Ok(Connection {
        tenant,
        settle,
        sandbox: running,
    })
}

/// `PORTCULLIS_TENANT_ID` pins a pipeline to one tenant, whatever the files say.
fn check_pinned_tenant(declaration: &TenantDeclaration) -> Result<(), CommandError> {
    let Ok(pinned) = std::env::var("PORTCULLIS_TENANT_ID") else {
        return Ok(());
    };
    match &declaration.tenant_id {
        Some(id) if id.value == Id::new(pinned.as_str()) || pinned.is_empty() => Ok(()),
        Some(id) => Err(CommandError::new(format!(
            "PORTCULLIS_TENANT_ID pins this environment to {pinned}, and tenant {} is {}",
            declaration.name, id.value
        ))
        .hint("correct --tenant or portcullis.yaml, or the variable if the pin is outdated")),
        None => Ok(()),
    }
}
