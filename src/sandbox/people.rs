//! Who works at the sandbox organisation. None of them exists.

/// A person: given name, surname, department, job title.
pub(super) type Person = (&'static str, &'static str, &'static str, &'static str);

/// The employees.
pub(super) const EMPLOYEES: [Person; 40] = [
    ("Amara", "Okonkwo", "Executive", "Managing Director"),
    ("Tomasz", "Zielinski", "Finance", "Head of Finance"),
    ("Leila", "Haddadi", "Finance", "Accountant"),
    ("Piet", "Verbruggen", "Finance", "Accountant"),
    ("Nkechi", "Adeyemi", "Finance", "Payroll Specialist"),
    ("Hana", "Sugimoto", "Legal", "Counsel"),
    ("Dmitri", "Volkonin", "Legal", "Paralegal"),
    ("Rosalind", "Achterberg", "People", "Head of People"),
    ("Joaquim", "Tavares", "People", "Recruiter"),
    ("Meera", "Raghunathan", "People", "People Partner"),
    ("Siobhan", "Gallagher", "Sales", "Head of Sales"),
    ("Mateo", "Quispe", "Sales", "Account Executive"),
    ("Freja", "Lindqvist", "Sales", "Account Executive"),
    ("Kwame", "Boateng", "Sales", "Account Executive"),
    ("Yusuf", "Karadag", "Sales", "Sales Engineer"),
    ("Chiara", "Montefiori", "Marketing", "Head of Marketing"),
    ("Anneke", "Hofstra", "Marketing", "Content Editor"),
    ("Bao", "Nguyen", "Marketing", "Designer"),
    ("Ikaika", "Kealoha", "Support", "Support Lead"),
    ("Oluwaseun", "Bankole", "Support", "Support Engineer"),
    ("Marit", "Tveit", "Support", "Support Engineer"),
    ("Pavel", "Novotny", "Support", "Support Engineer"),
    ("Zainab", "Mirza", "Engineering", "Head of Engineering"),
    ("Callum", "Ferguson", "Engineering", "Software Engineer"),
    ("Linh", "Tran", "Engineering", "Software Engineer"),
    ("Ewa", "Kowalczyk", "Engineering", "Software Engineer"),
    ("Santiago", "Ibarra", "Engineering", "Software Engineer"),
    ("Noor", "Rahimi", "Engineering", "Test Engineer"),
    ("Henrik", "Aaltonen", "Engineering", "Platform Engineer"),
    ("Priya", "Venkatesan", "Engineering", "Platform Engineer"),
    ("Jelani", "Mwangi", "Engineering", "Platform Engineer"),
    (
        "Katarina",
        "Jovanovic",
        "Engineering",
        "Site Reliability Engineer",
    ),
    ("Owen", "Llewellyn", "IT", "Head of IT"),
    ("Ingrid", "Solheim", "IT", "Systems Administrator"),
    ("Rafael", "Moreira", "IT", "Identity Engineer"),
    ("Aiko", "Tanabe", "IT", "Security Engineer"),
    ("Thabo", "Nkosi", "IT", "Service Desk Analyst"),
    ("Elif", "Yildirim", "IT", "Cloud Engineer"),
    ("Gwendolyn", "Price", "Operations", "Office Manager"),
    ("Luca", "Bernasconi", "Operations", "Facilities Coordinator"),
];

/// The guests: given name, surname, and the domain they come from.
pub(super) const GUESTS: [(&str, &str, &str); 3] = [
    ("Delphine", "Marchand", "auditors.example"),
    ("Viktor", "Stanev", "vendor.example"),
    ("Sunniva", "Ekeberg", "partner.example"),
];

/// The accounts that somebody administers with: nickname, display name, role.
pub(super) const ADMINISTRATORS: [(&str, &str, &str); 3] = [
    ("ga.admin", "Ingrid Solheim (Admin)", "Global Administrator"),
    (
        "ca.admin",
        "Rafael Moreira (Admin)",
        "Conditional Access Administrator",
    ),
    ("sec.admin", "Aiko Tanabe (Admin)", "Security Administrator"),
];

/// The directory roles with their template ids, which are the same in every tenant.
pub(super) const ROLES: [(&str, &str); 26] = [
    (
        "62e90394-69f5-4237-9190-012177145e10",
        "Global Administrator",
    ),
    (
        "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
        "Conditional Access Administrator",
    ),
    (
        "194ae4cb-b126-40b2-bd5b-6091b380977d",
        "Security Administrator",
    ),
    ("5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader"),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    (
        "29232cdf-9323-42fd-ade2-1d097af3e4de",
        "Exchange Administrator",
    ),
    (
        "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
        "SharePoint Administrator",
    ),
    (
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        "Privileged Role Administrator",
    ),
    (
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        "Privileged Authentication Administrator",
    ),
    (
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",
        "Authentication Administrator",
    ),
    (
        "0526716b-113d-4c15-b2c8-68e3c22b9f80",
        "Authentication Policy Administrator",
    ),
    (
        "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
        "Application Administrator",
    ),
    (
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        "Cloud Application Administrator",
    ),
    (
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        "Helpdesk Administrator",
    ),
    (
        "b0f54661-2d74-4c50-afa3-1ec803f12efe",
        "Billing Administrator",
    ),
    (
        "966707d0-3269-4727-9be2-8c3a10f19b9d",
        "Password Administrator",
    ),
    (
        "3a2c62db-5318-420d-8d74-23affee5d9d5",
        "Intune Administrator",
    ),
    (
        "69091246-20e8-4a56-aa4d-066075b2a7a8",
        "Teams Administrator",
    ),
    ("4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader"),
    (
        "17315797-102d-40b4-93e0-432062caca18",
        "Compliance Administrator",
    ),
    (
        "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
        "Hybrid Identity Administrator",
    ),
    (
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",
        "Groups Administrator",
    ),
    (
        "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
        "License Administrator",
    ),
    ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"),
    (
        "d29b2b05-8046-44ba-8758-1e26182fcf32",
        "Directory Synchronization Accounts",
    ),
];

/// The application that Conditional Access calls Azure management, in the global cloud.
pub(super) const AZURE_MANAGEMENT: (&str, &str) = (
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "Windows Azure Service Management API",
);

/// The service principals of Microsoft's own applications, by app id.
pub(super) const MICROSOFT_APPS: [(&str, &str); 10] = [
    AZURE_MANAGEMENT,
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    (
        "00000002-0000-0000-c000-000000000000",
        "Windows Azure Active Directory",
    ),
    (
        "00000002-0000-0ff1-ce00-000000000000",
        "Office 365 Exchange Online",
    ),
    (
        "00000003-0000-0ff1-ce00-000000000000",
        "Office 365 SharePoint Online",
    ),
    ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal"),
    (
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        "Microsoft Azure CLI",
    ),
    (
        "1950a258-227b-4e31-a9cf-717495945fc2",
        "Microsoft Azure PowerShell",
    ),
    ("0000000a-0000-0000-c000-000000000000", "Microsoft Intune"),
    (
        "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
        "Microsoft Teams Services",
    ),
];
