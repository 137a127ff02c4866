//! Flows as pages: each fixture holds what the public API answers for one step.

use ::http::StatusCode;
use serde_json::json;

use super::{fixture, flow_of, shown};

#[tokio::test]
async fn signing_in_is_one_form_with_one_clear_action() {
    let page = shown("login", fixture("login")).await;
    assert_eq!(page.status, StatusCode::OK);
    page.has("<h1>Sign in</h1>");
    page.has("<html lang=\"en\">");
    let forms = page.forms();
    assert_eq!(forms.len(), 2, "one for the methods that need the identifier, one for the providers");
    assert!(forms[0].contains("action=\"http://localhost:4433/self-service/login?flow=00000000-0000"), "{}", forms[0]);
    assert!(forms[0].contains("<input type=\"hidden\" name=\"csrf_token\" value=\"the-csrf-token\">"));
    assert!(forms[0].contains("name=\"method\" value=\"password\" class=\"primary\">"), "{}", forms[0]);
    assert!(forms[0].contains("name=\"method\" value=\"code\" class=\"secondary\" formnovalidate"), "{}", forms[0]);
    assert_eq!(forms[0].matches("class=\"primary\"").count(), 1);
    assert!(forms[1].contains("name=\"csrf_token\"") && forms[1].contains("name=\"provider\""), "{}", forms[1]);
    assert!(!forms[0].contains("name=\"provider\""), "Enter must not start a provider: {}", forms[0]);
    page.has("href=\"/recovery\">Forgot your password?</a>");
    page.has("href=\"/registration\">Create an account</a>");
}

#[tokio::test]
async fn fields_have_labels_and_say_what_browsers_may_fill_in() {
    let page = shown("login", fixture("login")).await;
    page.has("<label for=\"field-1\">E-Mail</label>");
    page.has("id=\"field-1\" name=\"identifier\" required autofocus");
    page.has("type=\"password\" autocomplete=\"current-password\"");
}

#[tokio::test]
async fn messages_stand_next_to_their_field_and_are_tied_to_it() {
    let mut flow = fixture("login");
    let identifier = flow["ui"]["nodes"].as_array_mut().unwrap().iter_mut();
    let node = identifier.into_iter().find(|node| node["attributes"]["name"] == "identifier").unwrap();
    node["messages"] =
        json!([{"id": 4000002, "text": "server", "type": "error", "context": {"property": "identifier"}}]);
    flow["ui"]["messages"] = json!([{"id": 4000006, "text": "These are not right.", "type": "error"}]);
    let page = shown("login", flow).await;
    page.has("aria-invalid=\"true\" aria-describedby=\"field-1-1 page-error\"");
    page.has("<p class=\"message error\" id=\"field-1-1\" role=\"alert\">Please fill in this field.</p>");
    page.has("<p class=\"notice error\" id=\"page-error\" role=\"alert\">");
    page.has("<span>These sign-in details are not right.");
    page.has("<title>Error: Sign in · ");
    page.has("<h1>Sign in</h1>");
}

#[tokio::test]
async fn the_second_step_is_a_form_per_method() {
    let mut flow = fixture("login_second");
    flow["requested_aal"] = json!("aal2");
    let page = shown("login", flow).await;
    page.has("<h1>One more step</h1>");
    page.has("<h2>Authenticator app</h2>");
    page.has("<summary>Use a backup code instead</summary>");
    let forms = page.forms();
    assert_eq!(forms.len(), 2);
    assert!(forms[0].contains("totp_code") && !forms[0].contains("lookup_secret"), "{}", forms[0]);
    assert!(forms[1].contains("lookup_secret") && forms[1].contains("csrf_token"), "{}", forms[1]);
    page.has("autocomplete=\"one-time-code\" inputmode=\"numeric\"");
    page.has("href=\"/logout\">Sign out</a>");
}

#[tokio::test]
async fn a_code_that_was_sent_is_asked_for_first_and_sent_again_second() {
    let page = shown("recovery", fixture("recovery_sent")).await;
    page.has("<h1>Check your messages</h1>");
    let form = page.forms()[0];
    let verify = form.find("name=\"method\" value=\"code\" class=\"primary\"").unwrap();
    let again =
        form.find("name=\"email\" value=\"ada@example.org\" class=\"quiet\" formnovalidate data-again").unwrap();
    assert!(verify < again, "Enter presses the first button: {form}");
}

#[tokio::test]
async fn a_passkey_needs_no_inline_script() {
    let page = shown("login", fixture("login_passkey")).await;
    page.has("data-trigger=\"oryPasskeyLogin\"");
    page.has("data-onload-trigger=\"oryPasskeyLoginAutocompleteInit\"");
    page.has("<script src=\"http://localhost:4433/.well-known/ory/webauthn.js\" id=\"webauthn_script\" type=\"text/javascript\" integrity=\"sha512-AAAA\" crossorigin=\"anonymous\" referrerpolicy=\"no-referrer\" async>");
    page.has_not("onclick");
    page.has_not("onload=");
    page.has_not("style=");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self' http://localhost:4433;"), "{policy}");
}

#[tokio::test]
async fn the_policy_is_strict_where_no_script_is_asked_for() {
    let page = shown("login", fixture("login_second")).await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self';"),
        "{policy}"
    );
    assert!(policy.contains("form-action 'self' http://localhost:4433 http://localhost:3000;"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "strict-origin");
}

#[tokio::test]
async fn providers_may_be_anywhere_so_forms_may_end_anywhere() {
    let page = shown("login", fixture("login")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("http://localhost:3000 https: http:;"), "{policy}");
}

#[tokio::test]
async fn a_script_of_another_origin_is_left_out() {
    let flow = flow_of(json!([
        {"type": "script", "group": "webauthn", "attributes": {"src": "https://evil.example/x.js", "id": "s"}},
        {"type": "input", "group": "totp", "attributes": {"name": "totp_code", "type": "text"}},
    ]));
    let page = shown("login", flow).await;
    page.has_not("evil.example");
    assert!(page.header("content-security-policy").contains("script-src 'self';"));
}

#[tokio::test]
async fn settings_are_a_form_per_group_each_with_the_token() {
    let page = shown("settings", fixture("settings")).await;
    page.has("<h1>Account settings</h1>");
    page.has("<p class=\"notice success\" role=\"status\">");
    page.has("<span>Your changes are saved.</span>");
    page.has("<li><a href=\"#totp\">Authenticator app</a></li>");
    for heading in ["Your details", "Password", "Authenticator app", "Backup codes", "Security keys", "Passkeys"] {
        page.has(&format!("<h2>{heading}</h2>"));
    }
    for form in page.forms() {
        assert!(form.contains("name=\"csrf_token\""), "{form}");
    }
    let password = page.forms().into_iter().find(|form| form.contains("name=\"password\"")).unwrap();
    assert!(password.contains("autocomplete=\"username\" value=\"ada@example.org\" readonly hidden"), "{password}");
    let removal = page.forms().into_iter().find(|form| form.contains("passkey_remove")).unwrap();
    assert!(removal.contains("class=\"danger\"") && !removal.contains("type=\"text\""), "{removal}");
    page.has("<img class=\"picture\" src=\"data:image/png;base64,");
    page.has("alt=\"QR code for your authenticator app\"");
    page.has("<code id=\"field-");
    page.has("<span>JBSW</span><span>Y3DP</span>");
}

#[tokio::test]
async fn backup_codes_are_listed_and_used_ones_are_crossed_out() {
    let page = shown("settings", fixture("settings_codes")).await;
    assert_eq!(page.html.matches("<li><code>").count(), 11);
    page.has(
        "<li class=\"used\"><s>used</s> <time datetime=\"2026-11-22T19:00:00Z\">22 November 2026, 19:00 UTC</time></li>",
    );
    page.has("name=\"lookup_secret_disable\" value=\"true\" class=\"danger\"");
}

#[tokio::test]
async fn after_a_recovery_the_password_comes_first() {
    let mut flow = fixture("settings");
    flow["ui"]["messages"] = json!([{"id": 1060001, "text": "server", "type": "success"}]);
    let page = shown("settings", flow).await;
    assert!(page.html.find("<h2>Password</h2>").unwrap() < page.html.find("<h2>Your details</h2>").unwrap());
}

#[tokio::test]
async fn traits_of_every_type_have_their_field() {
    let page = shown("settings", fixture("settings_traits")).await;
    page.has("<option value=\"blue\">blue</option>");
    page.has("<input type=\"hidden\" name=\"traits.terms\" value=\"false\">");
    page.has("name=\"traits.terms\" type=\"checkbox\" value=\"true\" checked>");
    page.has("name=\"traits.level\" autofocus aria-invalid=\"true\"");
    page.has("type=\"number\" value=\"9\" step=\"any\"");
    page.has("type=\"date\"");
    page.has("placeholder=\"2026-01-31T12:00:00Z\"");
    page.has_not("pattern=");
}

#[tokio::test]
async fn a_list_has_a_field_for_each_item_and_one_more() {
    let flow = flow_of(json!([{"type": "input", "group": "profile", "attributes":
        {"name": "traits.tags", "type": "text", "value": ["a", "b"]}, "meta": {"label": {"id": 1070002, "text": "Tags", "context": {"title": "Tags"}}}}]));
    let page = shown("settings", flow).await;
    assert_eq!(page.html.matches("name=\"traits.tags\"").count(), 3);
    page.has("aria-label=\"Tags 3\"");
}

#[tokio::test]
async fn a_finished_verification_is_a_link_and_no_form() {
    let page = shown("verification", fixture("verification_done")).await;
    page.has("<h1>All done</h1>");
    page.has("<p class=\"notice success\" role=\"status\">");
    assert!(page.forms().is_empty(), "{}", page.html);
    page.has("class=\"button primary\"");
}

#[tokio::test]
async fn signing_up_keeps_the_schemas_order_and_what_was_chosen() {
    let page = shown("registration", fixture("registration")).await;
    let place = |name: &str| page.html.find(&format!("name=\"{name}\"")).unwrap();
    assert!(place("traits.email") < place("password") && place("password") < place("traits.name.first"));
    let page = shown("registration", fixture("registration_methods")).await;
    for form in page.forms() {
        assert!(form.contains("<input type=\"hidden\" name=\"traits.email\" value=\"ada@example.org\">"), "{form}");
    }
    assert!(page.forms().last().unwrap().contains("name=\"screen\""), "the way back comes last");
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let attack = "\"><script>alert(1)</script>";
    let flow = json!({
        "id": attack,
        "requested_aal": attack,
        "return_to": attack,
        "ui": {
            "action": "http://localhost:4433/x?\"><script>alert(2)</script>",
            "method": attack,
            "messages": [{"id": 1, "type": attack, "text": attack}],
            "nodes": [
                {"type": "input", "group": attack, "attributes": {"name": attack, "type": "text", "value": attack, "autocomplete": attack}, "meta": {"label": {"id": 2, "text": attack}}, "messages": [{"id": 3, "text": attack, "type": "error"}]},
                {"type": "input", "group": attack, "attributes": {"name": attack, "type": attack, "value": attack}},
                {"type": "input", "group": attack, "attributes": {"name": attack, "type": "button", "onclickTrigger": attack, "onclick": "alert(3)"}},
                {"type": "input", "group": attack, "attributes": {"name": attack, "type": "submit", "value": attack}},
                {"type": "input", "group": "default", "attributes": {"name": attack, "type": "hidden", "value": attack, "onloadTrigger": attack}},
                {"type": "text", "group": attack, "attributes": {"id": attack, "text": {"id": 4, "text": attack}}},
                {"type": "div", "group": attack, "attributes": {"id": attack, "class": attack, "data": {"x onclick=alert(4) y": "1", "key": attack}}},
            ],
        },
    });
    for kind in ["login", "settings"] {
        let page = shown(kind, flow.clone()).await;
        assert_eq!(page.status, StatusCode::OK);
        page.has_not("<script>");
        page.has_not("alert(3)");
        page.has_not("onclick=");
        page.has_not("data-trigger");
        page.has("&#62;&#60;script&#62;alert(1)");
        page.has("data-key=");
    }
}

#[tokio::test]
async fn addresses_that_run_code_are_left_out() {
    let flow = flow_of(json!([
        {"type": "a", "group": "code", "attributes": {"id": "a", "href": "javascript:alert(1)"}, "meta": {"label": {"id": 1, "text": "go"}}},
        {"type": "img", "group": "code", "attributes": {"id": "i", "src": "data:image/svg+xml;base64,AAAA"}},
        {"type": "text", "group": "code", "attributes": {"id": "t", "text": {"id": 1, "text": "still here"}}},
    ]));
    let page = shown("login", flow).await;
    page.has("still here");
    page.has_not("javascript:");
    page.has_not("svg+xml;");
    let mut flow = flow_of(json!([{"type": "input", "group": "code", "attributes": {"name": "code", "type": "text"}}]));
    flow["ui"]["action"] = json!("javascript:alert(1)");
    let page = shown("login", flow).await;
    page.has_not("javascript:");
    assert!(page.forms().is_empty());
}

#[tokio::test]
async fn a_flow_without_anything_to_do_says_so() {
    let page = shown("login", flow_of(json!(null))).await;
    assert_eq!(page.status, StatusCode::OK);
    page.has("There is nothing to do here at the moment.");
}

#[tokio::test]
async fn every_page_and_group_has_a_name_in_words() {
    let groups = [
        "default",
        "profile",
        "password",
        "totp",
        "lookup_secret",
        "webauthn",
        "passkey",
        "oidc",
        "saml",
        "code",
        "link",
        "identifier_first",
        "deviceauthn",
    ];
    let nodes: Vec<_> = groups
        .iter()
        .map(|group| json!({"type": "input", "group": group, "attributes": {"name": "x", "type": "text"}}))
        .collect();
    for kind in ["login", "registration", "recovery", "verification", "settings"] {
        for (state, refresh, aal) in
            [("choose_method", true, "aal1"), ("sent_email", false, "aal1"), ("passed_challenge", false, "aal2")]
        {
            let mut flow = flow_of(json!(nodes));
            flow["state"] = json!(state);
            flow["refresh"] = json!(refresh);
            flow["requested_aal"] = json!(aal);
            let page = shown(kind, flow).await;
            page.has_not(".title");
            page.has_not(".heading");
            page.has_not("link.");
            if kind == "settings" {
                page.has("<h2>Backup codes</h2>");
                page.has_not("<h2>lookup secret</h2>");
            }
        }
    }
}

#[tokio::test]
async fn too_many_tries_say_how_long_to_wait() {
    let mut flow = fixture("login");
    flow["ui"]["messages"] = json!([{"id": 4900002, "text": "server", "type": "error", "context": {"minutes": 2}}]);
    let page = shown("login", flow).await;
    page.has(" role=\"alert\" data-wait-seconds=\"120\">");
    page.has("Please wait 2 minutes");
}

#[tokio::test]
async fn who_typed_a_name_goes_on_with_the_password() {
    let mut flow = fixture("login");
    let nodes = flow["ui"]["nodes"].as_array_mut().unwrap();
    nodes.iter_mut().find(|node| node["attributes"]["name"] == "identifier").unwrap()["attributes"]["value"] =
        json!("ada@example.org");
    let page = shown("login", flow).await;
    page.has("name=\"password\" required autofocus");
    assert_eq!(page.html.matches(" autofocus").count(), 1);
}

#[tokio::test]
async fn another_way_opens_by_itself_when_it_went_wrong() {
    let mut flow = fixture("login_second");
    let nodes = flow["ui"]["nodes"].as_array_mut().unwrap();
    let node = nodes.iter_mut().find(|node| node["attributes"]["name"] == "lookup_secret").unwrap();
    node["messages"] = json!([{"id": 4000016, "text": "server", "type": "error"}]);
    shown("login", flow).await.has("<details class=\"other\" data-group=\"lookup_secret\" open>");
    shown("login", fixture("login_second")).await.has("<details class=\"other\" data-group=\"lookup_secret\">");
}
