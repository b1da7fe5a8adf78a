//! Which applications people sign in to, with which clients, and how often.

use super::super::crowd::Class;
use super::super::people::AZURE_MANAGEMENT;

/// The resource that Conditional Access calls Azure management.
pub(super) const AZURE: (&str, &str) = AZURE_MANAGEMENT;
const EXCHANGE: (&str, &str) = (
    "00000002-0000-0ff1-ce00-000000000000",
    "Office 365 Exchange Online",
);
const SHAREPOINT: (&str, &str) = (
    "00000003-0000-0ff1-ce00-000000000000",
    "Office 365 SharePoint Online",
);
const TEAMS: (&str, &str) = (
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
    "Microsoft Teams Services",
);
const GRAPH: (&str, &str) = ("00000003-0000-0000-c000-000000000000", "Microsoft Graph");

/// An application with the client it is used through.
#[derive(Debug)]
pub(in super::super) struct App {
    pub(in super::super) id: &'static str,
    pub(super) name: &'static str,
    pub(in super::super) resource: (&'static str, &'static str),
    pub(super) is_browser: bool,
    /// The system it runs on when it is not the user's own.
    pub(super) user_agent: &'static str,
    /// Whether Office 365 holds the resource.
    pub(super) is_office: bool,
}

const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0";
const DESKTOP: &str = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.19231; Pro)";
const MSAL: &str = "python-requests/2.32.3";

const fn app(
    id: &'static str,
    name: &'static str,
    resource: (&'static str, &'static str),
    is_browser: bool,
    user_agent: &'static str,
    is_office: bool,
) -> App {
    App {
        id,
        name,
        resource,
        is_browser,
        user_agent,
        is_office,
    }
}

/// All of them; a moment names one by its place.
pub(in super::super) static APPS: [App; 17] = [
    app(
        "5d661950-3475-41cd-a2c3-d671a3162bc1",
        "Microsoft Outlook",
        EXCHANGE,
        false,
        DESKTOP,
        true,
    ),
    app(
        "1fec8e78-bce4-4aaf-ab1b-5451cc387264",
        "Microsoft Teams",
        TEAMS,
        false,
        DESKTOP,
        true,
    ),
    app(
        "00000003-0000-0ff1-ce00-000000000000",
        "Office 365 SharePoint Online",
        SHAREPOINT,
        true,
        EDGE,
        true,
    ),
    app(
        "d3590ed6-52b3-4102-aeff-aad2292ab01c",
        "Microsoft Office",
        GRAPH,
        false,
        DESKTOP,
        true,
    ),
    app(
        "89bee1f7-5e6e-4d8a-9f3d-ecd601259da7",
        "Office365 Shell WCSS-Client",
        GRAPH,
        true,
        EDGE,
        true,
    ),
    app(
        "9199bf20-a13f-4107-85dc-02114787ef48",
        "One Outlook Web",
        EXCHANGE,
        true,
        EDGE,
        true,
    ),
    app(
        "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "Azure Portal",
        AZURE,
        true,
        EDGE,
        false,
    ),
    app(
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        "Microsoft Azure CLI",
        AZURE,
        false,
        MSAL,
        false,
    ),
    app(
        "1950a258-227b-4e31-a9cf-717495945fc2",
        "Microsoft Azure PowerShell",
        AZURE,
        false,
        "",
        false,
    ),
    app(
        "aebc6443-996d-45c2-90f0-388ff96faa56",
        "Visual Studio Code",
        AZURE,
        false,
        "",
        false,
    ),
    app(
        "0c1307d4-29d6-4389-a11c-5cbe7f65d7fa",
        "Azure mobile app",
        AZURE,
        false,
        "Azure/1 CFNetwork/1568 Darwin/24",
        false,
    ),
    app(
        "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "Azure Portal",
        ("ca7f3f0b-7d91-482c-8e09-c5d840d0eac5", "Log Analytics API"),
        true,
        EDGE,
        false,
    ),
    app(
        "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "Azure Portal",
        (
            "f5c26e74-f226-4ae8-85f0-b4af0080ac9e",
            "Application Insights API",
        ),
        true,
        EDGE,
        false,
    ),
    app(
        "872cd9fa-d31f-45e0-9eab-6e460a02d1f1",
        "Visual Studio",
        ("499b84ac-1321-427f-aa17-267ca6975798", "Azure DevOps"),
        false,
        "",
        false,
    ),
    app(
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        "Microsoft Azure CLI",
        AZURE,
        false,
        "python-requests/2.31.0",
        false,
    ),
    app(
        "00000002-0000-0ff1-ce00-000000000000",
        "Office 365 Exchange Online",
        EXCHANGE,
        false,
        "BAV2ROPC",
        true,
    ),
    app("", "", GRAPH, false, "", false),
];

pub(super) const PORTAL: u8 = 6;
pub(super) const CLI: u8 = 7;
pub(super) const DEVOPS: u8 = 13;
pub(super) const SCRIPT: u8 = 14;
pub(super) const LEGACY: u8 = 15;
pub(super) const WORKLOAD: u8 = 16;

/// What staff use.
pub(super) const OFFICE: [(u8, u32); 6] = [(0, 34), (1, 30), (2, 16), (3, 8), (4, 9), (5, 3)];
/// What is used of Azure.
const AZURE_APPS: [(u8, u32); 7] = [(6, 45), (7, 28), (8, 14), (9, 6), (10, 3), (11, 2), (12, 2)];
const FOR_DEVELOPERS: [(u8, u32); 4] = [(6, 35), (7, 45), (9, 17), (10, 3)];
const FOR_OPERATORS: [(u8, u32); 4] = [(6, 40), (8, 45), (7, 10), (11, 5)];

/// What somebody of a class uses of Azure.
pub(super) fn azure(class: Class) -> &'static [(u8, u32)] {
    match class {
        Class::Developer => &FOR_DEVELOPERS,
        Class::Operator => &FOR_OPERATORS,
        _ => &AZURE_APPS,
    }
}
