//! Nodes → blocks and forms. A browser without scripts sends a whole form and the one button that was pressed, and the
//! Enter key presses a form's first button; so which nodes share a form, and in which order, decides what is sent.
//!
//! - Settings: a block per group, first what has to be put right or confirmed. What removes something has a form of
//!   its own, so that Enter never removes anything.
//! - Elsewhere, where people fill in something that several methods need (an identifier, traits): one form, first the
//!   shared fields, then one method with the main button, then the others.
//! - Otherwise: a form per method. Hidden nodes that methods share are in every form.

use crate::flow::{FlowKind, Node};

/// What belongs together on the page.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) group: &'a str,
    pub(crate) forms: Vec<Form<'a>>,
}

/// What is sent together.
#[derive(Debug, Default)]
pub(crate) struct Form<'a> {
    pub(crate) hidden: Vec<&'a Node>,
    /// The first section has the main button; the others are alternatives to it.
    pub(crate) sections: Vec<Section<'a>>,
}

/// Fields and the buttons that send them.
#[derive(Debug, Default)]
pub(crate) struct Section<'a> {
    /// Everything but hidden inputs, submits and scripts, in the order of the nodes.
    pub(crate) body: Vec<&'a Node>,
    pub(crate) submits: Vec<&'a Node>,
}

/// Groups whose nodes accompany every method.
const SHARED: [&str; 2] = ["default", "captcha"];

/// Groups of providers elsewhere: their buttons leave the site.
const PROVIDERS: [&str; 2] = ["oidc", "saml"];

/// Which method comes first, and gets the main button; groups that are not listed come after.
const MAIN_METHODS: [&str; 6] = ["password", "identifier_first", "profile", "code", "link", "totp"];

/// The order of the settings; groups that are not listed come after.
const SETTINGS_ORDER: [&str; 9] =
    ["default", "profile", "password", "totp", "lookup_secret", "webauthn", "passkey", "deviceauthn", "oidc"];

/// Arranges the nodes of a flow. Scripts are left out: they belong to the page, not to a form.
pub(crate) fn arrange(kind: FlowKind, nodes: &[Node], password_first: bool) -> Vec<Block<'_>> {
    let nodes: Vec<&Node> = nodes.iter().filter(|node| node.kind != "script").collect();
    if kind == FlowKind::Settings { settings(&nodes, password_first) } else { steps(&nodes) }
}

/// Whether a group's buttons leave the site.
pub(crate) fn is_provider(group: &str) -> bool {
    PROVIDERS.contains(&group)
}

/// Whether pressing the button takes something away.
pub(crate) fn removes(node: &Node) -> bool {
    let name = node.key();
    name == "unlink" || ["_unlink", "_remove", "_disable"].iter().any(|ending| name.ends_with(ending))
}

fn settings<'a>(nodes: &[&'a Node], password_first: bool) -> Vec<Block<'a>> {
    let shared = shared_hidden(nodes);
    let mut groups = groups_of(nodes);
    groups.sort_by_key(|group| {
        let place = SETTINGS_ORDER.iter().position(|known| known == group).unwrap_or(SETTINGS_ORDER.len());
        let first = password_first && *group == "password";
        (!first, !needs_attention(group, nodes), place)
    });
    groups
        .into_iter()
        .filter_map(|group| {
            let of_group: Vec<&Node> = nodes.iter().copied().filter(|node| node.group == group).collect();
            let (removing, rest): (Vec<&Node>, Vec<&Node>) =
                of_group.into_iter().partition(|node| node.is_submit() && removes(node));
            let main = form(&shared, &rest);
            let removal = form(&shared, &removing);
            // A list of keys comes before the form that adds one.
            let list_first = removing.iter().any(|node| node.key().ends_with("_remove"));
            let forms = if list_first { [removal, main] } else { [main, removal] };
            let forms: Vec<Form<'_>> = forms.into_iter().filter(|form| !form.is_empty()).collect();
            (!forms.is_empty()).then_some(Block { group, forms })
        })
        .collect()
}

/// Whether something of the group has to be put right or confirmed: it must not be overlooked further down the page.
fn needs_attention(group: &str, nodes: &[&Node]) -> bool {
    nodes
        .iter()
        .filter(|node| node.group == group)
        .any(|node| node.key().ends_with("_confirm") || node.messages.iter().any(|message| message.kind == "error"))
}

fn steps<'a>(nodes: &[&'a Node]) -> Vec<Block<'a>> {
    let shared_fields = nodes.iter().any(|node| node.group == "default" && node.is_field());
    let methods: Vec<&str> = groups_of(nodes).into_iter().filter(|group| !SHARED.contains(group)).collect();
    let (inside, outside): (Vec<&str>, Vec<&str>) = if shared_fields {
        let sends = |group: &&str| nodes.iter().any(|node| node.group == **group && node.is_submit());
        // Providers get the fields only where nothing else would send them (a provider left out a trait).
        let only_providers = !methods.iter().any(|group| !is_provider(group) && sends(group));
        methods.into_iter().partition(|group| only_providers || !is_provider(group))
    } else {
        (Vec::new(), methods)
    };
    let shared = shared_hidden(nodes);
    let mut blocks = Vec::new();
    if shared_fields {
        blocks.push(Block { group: "default", forms: vec![joint_form(nodes, &shared, inside)] });
    }
    let mut separate: Vec<Block<'a>> = outside
        .into_iter()
        .map(|group| {
            let of_group: Vec<&Node> = nodes.iter().copied().filter(|node| node.group == group).collect();
            Block { group, forms: vec![form(&shared, &of_group)] }
        })
        .collect();
    separate.sort_by_key(|block| (block.rank(), is_provider(block.group), place_of(block.group)));
    blocks.extend(separate);
    if !shared_fields {
        attach_shared_texts(nodes, &mut blocks);
    }
    blocks.retain(|block| block.forms.iter().any(|form| !form.is_empty()));
    blocks
}

/// The one form of shared fields and several methods.
fn joint_form<'a>(nodes: &[&'a Node], shared: &[&'a Node], mut methods: Vec<&'a str>) -> Form<'a> {
    methods.sort_by_key(|group| place_of(group));
    let main = methods.first().copied().unwrap_or("default");
    let mut form = Form { hidden: shared.to_vec(), sections: Vec::new() };
    let mut sections = vec![["default", main, "captcha"].to_vec()];
    sections.extend(methods.iter().skip(1).map(|group| vec![*group]));
    for (index, members) in sections.into_iter().enumerate() {
        let mut section = Section::default();
        // The server's order holds across the groups of a section: a password may stand between two traits.
        for node in nodes.iter().copied().filter(|node| members.contains(&node.group.as_str())) {
            section.place(node, &mut form.hidden, index > 0);
        }
        section.submits.sort_by_key(|node| node.key() != "method");
        form.sections.push(section);
    }
    form
}

/// Where a method comes among others: what works in every browser first.
fn place_of(group: &str) -> usize {
    MAIN_METHODS.iter().position(|known| *known == group).unwrap_or(MAIN_METHODS.len())
}

/// A form of one group.
fn form<'a>(shared: &[&'a Node], nodes: &[&'a Node]) -> Form<'a> {
    let mut form = Form { hidden: shared.to_vec(), sections: Vec::new() };
    let mut section = Section::default();
    for node in nodes {
        section.place(node, &mut form.hidden, false);
    }
    section.submits.sort_by_key(|node| node.key() != "method");
    form.sections.push(section);
    form
}

/// Texts, pictures and the like of the shared groups go above the first method, or stand alone.
fn attach_shared_texts<'a>(nodes: &[&'a Node], blocks: &mut Vec<Block<'a>>) {
    let texts: Vec<&Node> =
        nodes.iter().copied().filter(|node| SHARED.contains(&node.group.as_str()) && !node.is_hidden()).collect();
    if texts.is_empty() {
        return;
    }
    match blocks.first_mut().and_then(|block| block.forms.first_mut()).and_then(|form| form.sections.first_mut()) {
        Some(section) => {
            let (submits, body): (Vec<&Node>, Vec<&Node>) = texts.into_iter().partition(|node| node.is_submit());
            section.body.splice(0..0, body);
            section.submits.extend(submits);
        }
        None => blocks.push(Block { group: "default", forms: vec![form(&shared_hidden(nodes), &texts)] }),
    }
}

/// Hidden nodes that every method needs: those of no method, and what an earlier step has found out.
fn shared_hidden<'a>(nodes: &[&'a Node]) -> Vec<&'a Node> {
    let is_shared = |node: &&Node| {
        let earlier_step = node.group == "identifier_first" && node.key() == "identifier";
        node.is_hidden() && (SHARED.contains(&node.group.as_str()) || earlier_step)
    };
    nodes.iter().copied().filter(is_shared).collect()
}

/// The groups in the order of their first nodes.
fn groups_of<'a>(nodes: &[&'a Node]) -> Vec<&'a str> {
    let mut groups: Vec<&str> = Vec::new();
    for node in nodes {
        if !groups.contains(&node.group.as_str()) {
            groups.push(&node.group);
        }
    }
    groups
}

impl<'a> Section<'a> {
    fn place(&mut self, node: &'a Node, hidden: &mut Vec<&'a Node>, is_alternative: bool) {
        if node.is_submit() {
            self.submits.push(node);
        } else if !node.is_hidden() {
            self.body.push(node);
        } else {
            // A hidden `method` of an alternative would override the button that was pressed.
            let overrides = is_alternative && node.key() == "method";
            let is_there = hidden.iter().any(|other| std::ptr::eq(*other, node));
            if !overrides && !is_there {
                hidden.push(node);
            }
        }
    }
}

impl Form<'_> {
    /// Whether it shows nothing and no script can use it.
    pub(crate) fn is_empty(&self) -> bool {
        let shows = self.sections.iter().any(|section| !section.body.is_empty() || !section.submits.is_empty());
        !shows && !self.is_for_scripts()
    }

    /// Whether a person or a script can send it.
    pub(crate) fn can_be_sent(&self) -> bool {
        self.is_for_scripts()
            || self.sections.iter().any(|section| {
                !section.submits.is_empty() || section.body.iter().any(|node| node.is_field() || node.is_trigger())
            })
    }

    /// Whether a script fills in a hidden input, such as the answer of a passkey that the browser suggests by itself.
    fn is_for_scripts(&self) -> bool {
        self.hidden.iter().any(|node| node.attribute("onloadTrigger").is_some())
    }
}

impl Block<'_> {
    /// Where it comes on the page: what can be filled in, then the way back, then what nobody sees.
    fn rank(&self) -> u8 {
        let sections = || self.forms.iter().flat_map(|form| &form.sections);
        if sections().all(|section| section.body.is_empty() && section.submits.is_empty()) {
            return 2;
        }
        let only_back = sections()
            .all(|section| section.body.is_empty() && section.submits.iter().all(|node| node.key() == "screen"));
        u8::from(only_back)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// `group/name/type`, or `group/id/*img` for what is no input.
    fn nodes(list: &[&str]) -> Vec<Node> {
        list.iter()
            .map(|line| {
                let parts: Vec<&str> = line.split('/').collect();
                let (kind, attributes): (&str, Value) = match parts[2].strip_prefix('*') {
                    Some(kind) => (kind, json!({"id": parts[1]})),
                    None => ("input", json!({"name": parts[1], "type": parts[2], "value": parts[0]})),
                };
                serde_json::from_value(json!({"type": kind, "group": parts[0], "attributes": attributes})).unwrap()
            })
            .collect()
    }

    /// `[hidden | fields → submits | fields → submits] [next form]`
    fn drawn(blocks: &[Block<'_>]) -> Vec<String> {
        let names =
            |nodes: &[&Node]| {
                nodes
                    .iter()
                    .map(|node| {
                        if node.is_submit() { format!("{}={}", node.key(), node.group) } else { node.key().to_owned() }
                    })
                    .collect::<Vec<_>>()
                    .join(" ")
            };
        let form = |form: &Form<'_>| {
            let sections: Vec<String> = form
                .sections
                .iter()
                .map(|section| format!("{} → {}", names(&section.body), names(&section.submits)))
                .collect();
            format!("{} | {}", names(&form.hidden), sections.join(" | "))
        };
        blocks
            .iter()
            .map(|block| format!("{}: {}", block.group, block.forms.iter().map(form).collect::<Vec<_>>().join(" ++ ")))
            .collect()
    }

    #[test]
    fn sign_in_is_one_form_with_the_password_first_and_providers_apart() {
        let nodes = nodes(&[
            "oidc/provider/submit",
            "default/csrf_token/hidden",
            "default/identifier/text",
            "webauthn/method/submit",
            "code/method/submit",
            "password/password/password",
            "password/method/submit",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Login, &nodes, false)),
            [
                "default: csrf_token | identifier password → method=password |  → method=code |  → method=webauthn",
                "oidc: csrf_token |  → provider=oidc",
            ]
        );
    }

    #[test]
    fn a_second_step_is_a_form_per_method() {
        let nodes = nodes(&[
            "default/csrf_token/hidden",
            "default/identifier/hidden",
            "totp/totp_code/text",
            "totp/method/submit",
            "lookup_secret/lookup_secret/text",
            "lookup_secret/method/submit",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Login, &nodes, false)),
            [
                "totp: csrf_token identifier | totp_code → method=totp",
                "lookup_secret: csrf_token identifier | lookup_secret → method=lookup_secret",
            ]
        );
    }

    #[test]
    fn a_hidden_method_of_one_method_does_not_reach_the_form_of_several() {
        let nodes = nodes(&[
            "default/csrf_token/hidden",
            "default/traits.email/email",
            "passkey/method/hidden",
            "passkey/passkey_register/hidden",
            "passkey/passkey_register_trigger/button",
            "password/password/password",
            "password/method/submit",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Registration, &nodes, false)),
            [
                "default: csrf_token passkey_register | traits.email password → method=password | passkey_register_trigger → "
            ]
        );
    }

    #[test]
    fn the_second_step_of_signing_up_ends_with_the_way_back() {
        let nodes = nodes(&[
            "default/csrf_token/hidden",
            "default/traits.email/hidden",
            "profile/screen/submit",
            "code/method/submit",
            "password/password/password",
            "password/method/submit",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Registration, &nodes, false)),
            [
                "password: csrf_token traits.email | password → method=password",
                "code: csrf_token traits.email |  → method=code",
                "profile: csrf_token traits.email |  → screen=profile",
            ]
        );
    }

    #[test]
    fn a_provider_that_left_out_a_trait_gets_the_fields() {
        let nodes = nodes(&["oidc/provider/submit", "default/csrf_token/hidden", "default/traits.email/email"]);
        assert_eq!(
            drawn(&arrange(FlowKind::Registration, &nodes, false)),
            ["default: csrf_token | traits.email → provider=oidc"]
        );
    }

    #[test]
    fn the_button_of_the_method_comes_before_the_one_that_sends_again() {
        let nodes = nodes(&[
            "code/email/submit",
            "code/code/text",
            "code/method/hidden",
            "code/method/submit",
            "default/csrf_token/hidden",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Recovery, &nodes, false)),
            ["code: csrf_token method | code → method=code email=code"]
        );
    }

    #[test]
    fn what_was_found_out_in_the_first_step_is_sent_with_each_method() {
        let nodes = nodes(&[
            "identifier_first/identifier/hidden",
            "default/csrf_token/hidden",
            "password/password/password",
            "password/method/submit",
            "passkey/passkey_login_trigger/button",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Login, &nodes, false)),
            [
                "password: identifier csrf_token | password → method=password",
                "passkey: identifier csrf_token | passkey_login_trigger → ",
            ]
        );
    }

    #[test]
    fn settings_are_a_block_per_group_and_enter_never_removes_anything() {
        let nodes = nodes(&[
            "default/csrf_token/hidden",
            "profile/traits.email/email",
            "profile/method/submit",
            "password/password/password",
            "password/method/submit",
            "oidc/link/submit",
            "oidc/unlink/submit",
            "webauthn/webauthn_remove/submit",
            "webauthn/webauthn_register_displayname/text",
            "webauthn/webauthn_register_trigger/button",
            "totp/totp_qr/*img",
            "totp/totp_code/text",
            "totp/method/submit",
        ]);
        assert_eq!(
            drawn(&arrange(FlowKind::Settings, &nodes, false)),
            [
                "profile: csrf_token | traits.email → method=profile",
                "password: csrf_token | password → method=password",
                "totp: csrf_token | totp_qr totp_code → method=totp",
                "webauthn: csrf_token |  → webauthn_remove=webauthn ++ csrf_token | webauthn_register_displayname webauthn_register_trigger → ",
                "oidc: csrf_token |  → link=oidc ++ csrf_token |  → unlink=oidc",
            ]
        );
        assert_eq!(arrange(FlowKind::Settings, &nodes, true)[0].group, "password");
    }

    #[test]
    fn what_has_to_be_put_right_or_confirmed_comes_first() {
        let mut nodes = nodes(&[
            "profile/traits.email/email",
            "lookup_secret/lookup_secret_codes/*text",
            "lookup_secret/lookup_secret_confirm/submit",
            "totp/totp_code/text",
        ]);
        let order = |nodes: &[Node]| -> Vec<String> {
            arrange(FlowKind::Settings, nodes, false).iter().map(|block| block.group.to_owned()).collect()
        };
        assert_eq!(order(&nodes), ["lookup_secret", "profile", "totp"]);
        nodes.remove(2);
        assert_eq!(order(&nodes), ["profile", "totp", "lookup_secret"]);
        nodes[2].messages = vec![serde_json::from_value(json!({"id": 4000008, "type": "error", "text": "x"})).unwrap()];
        assert_eq!(order(&nodes), ["totp", "profile", "lookup_secret"]);
    }

    #[test]
    fn a_finished_flow_is_no_form() {
        let nodes = nodes(&["default/csrf_token/hidden", "code/continue/*a"]);
        let blocks = arrange(FlowKind::Verification, &nodes, false);
        assert_eq!(drawn(&blocks), ["code: csrf_token | continue → "]);
        assert!(!blocks[0].forms[0].can_be_sent());
    }

    #[test]
    fn texts_of_no_method_stand_above_the_first_or_alone() {
        let only_text = nodes(&["default/note/*text"]);
        assert_eq!(drawn(&arrange(FlowKind::Login, &only_text, false)), ["default:  | note → "]);
        let with_method = nodes(&["default/note/*text", "totp/totp_code/text"]);
        assert_eq!(drawn(&arrange(FlowKind::Login, &with_method, false)), ["totp:  | note totp_code → "]);
    }

    #[test]
    fn no_nodes_are_no_blocks() {
        assert!(arrange(FlowKind::Login, &[], false).is_empty());
        assert!(arrange(FlowKind::Settings, &nodes(&["default/csrf_token/hidden"]), false).is_empty());
    }
}
