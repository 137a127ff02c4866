//! What mails say.

use courier::{
    CourierError, CourierSettings, TemplateBody, TemplateData, TemplateKind, TemplateSource, Templates, Transport,
};
use regex::Regex;
use serde_json::json;

use crate::Harness;

const LINK: &str =
    "http://localhost:4433/self-service/verification?code=654321&flow=0b8e9f7a-1111-4222-8333-123456789abc";

fn full() -> TemplateData {
    TemplateData {
        request_url: "http://localhost:4433/".to_owned(),
        identity: Some(json!({"id": "7", "traits": {"name": "<script>alert(1)</script>", "email": "ada@example.org"}})),
        traits: Some(json!({"name": "<b>"})),
        expires_in_minutes: Some(1),
        recovery_code: Some("654321".to_owned()),
        recovery_url: Some(LINK.to_owned()),
        verification_code: Some("654321".to_owned()),
        verification_url: Some(LINK.to_owned()),
        login_code: Some("654321".to_owned()),
        registration_code: Some("654321".to_owned()),
        login_url: Some(LINK.to_owned()),
        changed_at: Some("2026-03-01T10:00:00Z".parse().unwrap()),
        ..TemplateData::default()
    }
}

#[tokio::test]
async fn every_built_in_mail_says_what_it_must() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let six_digits = Regex::new(r"\b\d{6}\b").unwrap();
    for (kind, code, link) in [
        (TemplateKind::RecoveryValid, false, true),
        (TemplateKind::RecoveryInvalid, false, false),
        (TemplateKind::RecoveryCodeValid, true, false),
        (TemplateKind::RecoveryCodeInvalid, false, false),
        (TemplateKind::VerificationValid, false, true),
        (TemplateKind::VerificationInvalid, false, false),
        (TemplateKind::VerificationCodeValid, true, true),
        (TemplateKind::VerificationCodeInvalid, false, false),
        (TemplateKind::LoginCodeValid, true, false),
        (TemplateKind::RegistrationCodeValid, true, false),
        (TemplateKind::RegistrationKnown, false, true),
        (TemplateKind::VerifiableAddressChanged, false, false),
    ] {
        let mail = harness.courier.compose(&harness.cx(), kind, "<ada>@example.org", full()).await.unwrap();
        let name = kind.as_str();
        assert!(!mail.subject().is_empty() && !mail.subject().contains('\n'), "{name}");
        assert_eq!(mail.subject().contains("654321"), code, "{name}");
        assert_eq!(mail.body().lines().any(|line| line == "654321"), code, "{name}: {}", mail.body());
        assert_eq!(mail.body().lines().any(|line| line == LINK), link, "{name}: {}", mail.body());
        assert_eq!(mail.html().contains(&LINK.replace('&', "&amp;")), link, "{name}");
        assert_eq!(mail.body().contains("http"), link, "{name}");
        for text in [mail.subject(), mail.body(), mail.html()] {
            assert!(!text.contains("<no value>") && !text.contains("ZgotmplZ"), "{name}: {text}");
            assert!(six_digits.find_iter(text).all(|found| found.as_str() == "654321"), "{name}: {text}");
        }
        assert!(!mail.html().contains("<ada>"), "{name}");
        assert!(!mail.html().contains("<script") && !mail.html().contains("src=") && !mail.html().contains("@import"));
        assert!(mail.html().contains("prefers-color-scheme: dark"));
        // The way to sign in does not end.
        if (link || code) && kind != TemplateKind::RegistrationKnown {
            assert!(mail.body().contains("1 minute."), "{name}");
        }
    }
}

#[tokio::test]
async fn mails_speak_the_language_of_their_reader() {
    let harness = Harness::one(Transport::Inbox, CourierSettings::default()).await;
    let kind = TemplateKind::LoginCodeValid;
    let mut cx = harness.cx();
    let subject = |mail: courier::Composed| mail.subject().to_owned();
    cx.languages = vec!["fr".to_owned(), "de-at".to_owned()];
    let german = harness.courier.compose(&cx, kind, "ada@example.org", full()).await.unwrap();
    assert_eq!(german.subject(), "654321 ist Ihr Code zum Anmelden");
    assert!(german.html().contains("<html lang=\"de\">") && german.body().contains("Er gilt einmal, für 1 Minute."));
    // What people say of themselves counts more than the browser that somebody asks with.
    for (name, language, expected) in [
        ("locale", "en-GB", "Use code 654321 to sign in"),
        ("language", "en", "Use code 654321 to sign in"),
        ("locale", "fr", "654321 ist Ihr Code zum Anmelden"),
    ] {
        let data = TemplateData { identity: Some(json!({"traits": {name: language}})), ..full() };
        assert_eq!(subject(harness.courier.compose(&cx, kind, "a@b.example", data).await.unwrap()), expected, "{name}");
    }
    cx.languages.clear();
    assert_eq!(
        subject(harness.courier.compose(&cx, kind, "a@b.example", full()).await.unwrap()),
        "Use code 654321 to sign in"
    );
}

#[tokio::test]
async fn mails_wear_the_operators_brand_and_stay_legible() {
    let own =
        std::collections::BTreeMap::from([("mail.login_code_valid.title".to_owned(), "Welcome <back>".to_owned())]);
    let brand = courier::Brand {
        name: Some("Light & House".to_owned()),
        accent: Some("#ffe600".parse().unwrap()),
        texts: std::sync::Arc::new([("en".to_owned(), own)].into()),
        ..courier::Brand::default()
    };
    let harness = Harness::one(Transport::Inbox, CourierSettings { brand, ..CourierSettings::default() }).await;
    let mail =
        harness.courier.compose(&harness.cx(), TemplateKind::LoginCodeValid, "a@b.example", full()).await.unwrap();
    assert!(mail.html().contains("Light &amp; House</td>") && mail.html().contains("Welcome &lt;back&gt;</h1>"));
    assert!(mail.body().trim_end().ends_with("-- \nLight & House"), "{:?}", mail.body());
    let colours = |what: &str| -> Vec<foundation::Color> {
        let colour = Regex::new(&format!(r"(?m)^ *{what}: (#[0-9a-f]{{6}})")).unwrap();
        colour.captures_iter(mail.html()).map(|found| found[1].parse().unwrap()).collect()
    };
    let links = colours(r"a \{ color");
    assert!(links[0].contrast(foundation::Color::WHITE) >= 4.5, "yellow text on white is darkened: {}", links[0]);
    assert_eq!(links[1].to_string(), "#ffe600", "on a dark card it can stay");
    assert!(colours(r"\.button \{ background").iter().all(|colour| colour.to_string() == "#ffe600"));
    assert_eq!(mail.html().matches("; color: #000").count(), 2, "black text on a light button");
}

#[tokio::test]
async fn line_breaks_never_reach_a_header() {
    let source = TemplateSource { subject: Some(base64("{{ .Identity.traits.name }}")), ..TemplateSource::default() };
    let harness = Harness::one(Transport::Inbox, recovery_code(source)).await;
    let data =
        TemplateData { identity: Some(json!({"traits": {"name": "a\r\nBcc: evil@example.org\u{2028}b"}})), ..full() };
    let compose = |to: &'static str, data: TemplateData| {
        let (courier, cx) = (harness.courier.clone(), harness.cx());
        async move { courier.compose(&cx, TemplateKind::RecoveryCodeValid, to, data).await }
    };
    assert_eq!(compose("ada@example.org", data).await.unwrap().subject(), "a Bcc: evil@example.org b");
    for recipient in ["a@example.org\r\nBcc: b@example.org", "a@example.org\0", "a@example.org\u{2029}"] {
        assert!(matches!(compose(recipient, full()).await, Err(CourierError::Recipient)));
    }
}

#[tokio::test]
async fn configured_templates_come_first_then_files_then_ours() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("recovery_code/valid");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("email.subject.gotmpl"), "never read: configured").unwrap();
    std::fs::write(own.join("email.body.gotmpl"), "{{ template \"email.body.html.en.gotmpl\" . }}").unwrap();
    std::fs::write(own.join("email.body.html.en.gotmpl"), "<p title=\"{{ .To }}\">{{ .Identity.traits.name }}</p>")
        .unwrap();
    let source = TemplateSource {
        subject: Some(base64("  Code for {{ .Identity.traits.email | upper }}\n")),
        ..TemplateSource::default()
    };
    let mut settings = recovery_code(source);
    settings.template_override_path = Some(folder.path().to_owned());
    let harness = Harness::one(Transport::Inbox, settings.clone()).await;
    let kind = TemplateKind::RecoveryCodeValid;
    let mail = harness.courier.compose(&harness.cx(), kind, "\"x\"@example.org", full()).await.unwrap();
    assert_eq!(mail.subject(), "Code for ADA@EXAMPLE.ORG");
    assert_eq!(mail.html(), "<p title=\"&#34;x&#34;@example.org\">&lt;script&gt;alert(1)&lt;/script&gt;</p>");
    assert!(mail.body().contains("654321"), "the plain text is ours");
    // Another kind has no folder.
    let other =
        harness.courier.compose(&harness.cx(), TemplateKind::LoginCodeValid, "a@b.example", full()).await.unwrap();
    assert!(other.subject().contains("sign in"));
    // Settings are read anew for each mail.
    let file = own.join("plain.gotmpl");
    std::fs::write(&file, "Hi {{ .Identity.traits.name }}").unwrap();
    settings.templates.recovery_code.valid.email.body.plaintext = Some(format!("file://{}", file.display()));
    harness.set(settings);
    let mail = harness.courier.compose(&harness.cx(), kind, "a@b.example", full()).await.unwrap();
    assert_eq!(mail.body(), "Hi <script>alert(1)</script>");
}

#[tokio::test]
async fn templates_are_fetched_and_kept_for_a_minute() {
    let text = std::sync::Arc::new(std::sync::Mutex::new("one {{ .To }}"));
    let served = text.clone();
    let app = axum::Router::new().route("/t", axum::routing::get(move || async move { *served.lock().unwrap() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/t?key=hunter2", listener.local_addr().unwrap());
    let missing = format!("http://u:hunter2@{}/none?key=hunter2", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let plain = |address: &str| {
        let body = TemplateBody { plaintext: Some(address.to_owned()), html: None };
        recovery_code(TemplateSource { subject: None, body })
    };
    let harness = Harness::one(Transport::Inbox, plain(&address)).await;
    let compose = || {
        let (courier, cx) = (harness.courier.clone(), harness.cx());
        async move { courier.compose(&cx, TemplateKind::RecoveryCodeValid, "a@b.example", full()).await }
    };
    assert_eq!(compose().await.unwrap().body(), "one a@b.example");
    *text.lock().unwrap() = "two";
    harness.advance(59);
    assert_eq!(compose().await.unwrap().body(), "one a@b.example");
    harness.advance(2);
    assert_eq!(compose().await.unwrap().body(), "two");
    harness.set(plain(&missing));
    let error = compose().await.unwrap_err().to_string();
    assert!(error.contains("recovery_code_valid") && error.contains("404"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn faulty_templates_are_errors_that_say_where() {
    for (source, expected) in [
        (base64("a\n{{ .To"), "line 2"),
        ("base64://%%%".to_owned(), "no base64"),
        ("file:///nowhere/at/all".to_owned(), "/nowhere/at/all"),
        ("ftp://example.org/a".to_owned(), "none of file"),
        ("a path".to_owned(), "no URI"),
    ] {
        let source = TemplateSource { subject: Some(source), ..TemplateSource::default() };
        let harness = Harness::one(Transport::Inbox, recovery_code(source)).await;
        let refused =
            harness.courier.compose(&harness.cx(), TemplateKind::RecoveryCodeValid, "a@b.example", full()).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("recovery_code_valid"), "{error}");
    }
}

fn recovery_code(source: TemplateSource) -> CourierSettings {
    let mut templates = Templates::default();
    templates.recovery_code.valid.email = source;
    CourierSettings { templates, ..CourierSettings::default() }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    format!("base64://{}", base64::engine::general_purpose::STANDARD.encode(text))
}
