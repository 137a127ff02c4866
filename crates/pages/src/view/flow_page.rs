//! A flow → its page: headings, blocks of forms, and the links to other flows.

use askama::Template;
use foundation::Texts;

use super::fields::{self, Button, Field, Hidden, Widget};
use super::{Frame, Link, Notice, Script};
use crate::arrange::{self, Block, Form, Section};
use crate::flow::{Flow, FlowKind, Node};
use crate::headers::Needs;
use crate::settings::PagesSettings;
use crate::urls;

/// The id of the first error that is about the whole form.
const PAGE_ERROR: &str = "page-error";

/// The number of the message after a recovery, which asks for a new password.
const RECOVERED: i64 = 1_060_001;

/// The number of the message that an address has to be verified before signing in.
const ADDRESS_NOT_VERIFIED: i64 = 4_000_010;

/// The page of a flow.
#[derive(Debug, Template)]
#[template(path = "flow.html")]
pub(crate) struct FlowPage {
    pub(crate) frame: Frame,
    pub(crate) heading: String,
    /// What the page is about, where the flow itself says nothing.
    pub(crate) lead: Option<String>,
    /// Whom the first step has found out, and the way back.
    pub(crate) identifier: Option<(String, Link)>,
    pub(crate) blocks: Vec<BlockView>,
    pub(crate) links: Vec<Link>,
    /// A message with a code was sent: developers find it in the inbox.
    pub(crate) is_waiting_for_code: bool,
    pub(crate) is_settings: bool,
    /// Group and heading of each block, to jump to.
    pub(crate) sections: Vec<(String, String)>,
}

/// Forms under one heading.
#[derive(Debug)]
pub(crate) struct BlockView {
    pub(crate) group: String,
    pub(crate) heading: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) divider: bool,
    /// What opens the block, where it is another way to do what the page is about.
    pub(crate) folded: Option<String>,
    /// Whether a folded block is open from the start: something in it has to be put right.
    pub(crate) is_open: bool,
    pub(crate) forms: Vec<FormView>,
}

/// A form, or only its content where there is nothing to send.
#[derive(Debug)]
pub(crate) struct FormView {
    pub(crate) is_form: bool,
    pub(crate) action: String,
    pub(crate) method: &'static str,
    pub(crate) hidden: Vec<Hidden>,
    /// Whose password the form is about, for password managers; it is not sent.
    pub(crate) username: Option<String>,
    pub(crate) sections: Vec<SectionView>,
}

/// Fields and their buttons.
#[derive(Debug)]
pub(crate) struct SectionView {
    pub(crate) divider: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) buttons: Vec<Button>,
    /// It works only with a script.
    pub(crate) needs_script: bool,
}

/// What else decides how a flow is shown.
pub(crate) struct Situation<'a> {
    pub(crate) kind: FlowKind,
    pub(crate) settings: &'a PagesSettings,
}

impl FlowPage {
    /// Builds the page, and says what it needs of the security policy.
    pub(crate) fn of(flow: &Flow, situation: &Situation<'_>, mut frame: Frame) -> (Self, Needs) {
        let kind = situation.kind;
        let texts = frame.texts.clone();
        let is_settings = kind == FlowKind::Settings;
        let recovered = flow.ui.messages.iter().any(|message| message.id == RECOVERED);
        let arranged = arrange::arrange(kind, &flow.ui.nodes, recovered);
        let mut blocks = Drawing { flow, texts: &texts, is_settings, place: 0 }.blocks(&arranged);
        if kind == FlowKind::Login && flow.is_second_step() {
            fold_alternatives(&texts, &mut blocks);
        }
        frame.title = texts.text(&format!("{}.title", subject(flow, kind))).to_owned();
        frame.width = if is_settings { "wide" } else { "narrow" };
        frame.scripts = scripts(flow, situation.settings);
        frame.notices.extend(fields::messages(&flow.ui.messages, &texts));
        if let Some(error) = frame.notices.iter_mut().find(|notice| notice.kind == "error") {
            error.id = PAGE_ERROR;
        }
        let has_errors = focus_first(&mut blocks, is_settings, frame.has_errors());
        let needs = needs(flow, &frame.scripts);
        let lead = texts.find(&format!("{}.lead", subject(flow, kind))).filter(|_| flow.ui.messages.is_empty());
        if blocks.is_empty() && frame.notices.iter().all(|notice| notice.kind != "success") {
            frame.notices.push(Notice::new("info", texts.text("flow.nothing").to_owned()));
        }
        let heading = frame.title.clone();
        if has_errors {
            // Read out first when the page comes back.
            frame.title = texts.with("title.error", &[("title", &heading)]);
        }
        let headed = blocks.iter().filter(|_| is_settings);
        let sections = headed.filter_map(|block| Some((block.group.clone(), block.heading.clone()?))).collect();
        let page = Self {
            heading,
            sections,
            lead: lead.map(str::to_owned),
            identifier: identifier(flow, kind, &frame),
            blocks,
            links: links(flow, situation, &frame),
            is_waiting_for_code: flow.is_waiting_for_code(),
            is_settings,
            frame,
        };
        (page, needs)
    }
}

/// The first part of the names of the page's texts.
fn subject(flow: &Flow, kind: FlowKind) -> &'static str {
    let finished = flow.state.as_deref() == Some("passed_challenge");
    match kind {
        FlowKind::Login if flow.is_waiting_for_code() => "login.code",
        FlowKind::Login if flow.is_second_step() => "login.second",
        FlowKind::Login if flow.is_refresh() => "login.refresh",
        FlowKind::Login => "login",
        FlowKind::Registration if flow.is_waiting_for_code() => "registration.code",
        FlowKind::Registration => "registration",
        FlowKind::Recovery if flow.is_waiting_for_code() => "recovery.code",
        FlowKind::Recovery => "recovery",
        FlowKind::Verification if finished => "verification.done",
        FlowKind::Verification if flow.is_waiting_for_code() => "verification.code",
        FlowKind::Verification => "verification",
        FlowKind::Settings => "settings",
    }
}

/// Draws blocks one after another, giving each field a number of its own.
struct Drawing<'a> {
    flow: &'a Flow,
    texts: &'a Texts,
    is_settings: bool,
    place: usize,
}

impl Drawing<'_> {
    fn blocks(&mut self, arranged: &[Block<'_>]) -> Vec<BlockView> {
        let with_fields = arranged.iter().filter(|block| has_fields(block)).count();
        let mut above: Option<bool> = None;
        let mut views = Vec::new();
        for (index, block) in arranged.iter().enumerate() {
            let forms: Vec<FormView> = block.forms.iter().map(|form| self.form(form, index == 0)).collect();
            let shows = forms.iter().any(FormView::shows);
            let only_back = forms.iter().all(FormView::is_way_back);
            let name = |part: &str| self.texts.find(&format!("group.{}.{part}", block.group)).map(str::to_owned);
            let needs_heading = self.is_settings || (with_fields > 1 && has_fields(block));
            views.push(BlockView {
                group: block.group.to_owned(),
                heading: needs_heading.then(|| name("heading").unwrap_or_else(|| block.group.replace('_', " "))),
                hint: name("hint").filter(|_| self.is_settings),
                // Alternatives that are only a button stand below one "or".
                folded: None,
                is_open: false,
                divider: !self.is_settings && shows && !only_back && above.is_some_and(|had| had || has_fields(block)),
                forms,
            });
            if shows {
                // Buttons under an "or" go on with further buttons.
                let ends_in_buttons = block.forms.iter().any(|form| {
                    form.sections.len() > 1 && form.sections.last().is_some_and(|section| section.body.is_empty())
                });
                above = Some(!ends_in_buttons && (index == 0 || has_fields(block)));
            }
        }
        views
    }

    fn form(&mut self, form: &Form<'_>, is_first: bool) -> FormView {
        let mut hidden: Vec<Hidden> = Vec::new();
        for input in form.hidden.iter().filter_map(|node| Hidden::of(node)) {
            if !hidden.iter().any(|other| other.name == input.name && other.value == input.value) {
                hidden.push(input);
            }
        }
        let action = &self.flow.ui.action;
        let mut sections = Vec::new();
        for (index, section) in form.sections.iter().enumerate() {
            let has_fields = |section: &Section<'_>| section.body.iter().any(|node| node.is_field());
            let divider = index == 1 || (index > 1 && (has_fields(section) || has_fields(&form.sections[index - 1])));
            sections.push(SectionView { divider, ..self.section(section, is_first, index) });
        }
        FormView {
            is_form: form.can_be_sent() && urls::is_safe_link(action),
            action: action.clone(),
            method: if self.flow.ui.method.eq_ignore_ascii_case("get") { "get" } else { "post" },
            hidden,
            username: self.username(form),
            sections,
        }
    }

    fn username(&self, form: &Form<'_>) -> Option<String> {
        let mut fields = form.sections.iter().flat_map(|section| &section.body).filter(|node| node.is_field());
        if !fields.all(|node| node.input_type() == "password") {
            return None;
        }
        let is_name = |node: &&Node| ["identifier", "traits.email", "traits.username"].contains(&node.key());
        let has_password = form.sections.iter().flat_map(|section| &section.body).any(|node| node.is_field());
        self.flow.ui.nodes.iter().find(is_name)?.value().filter(|value| has_password && !value.is_empty())
    }

    fn section(&mut self, section: &Section<'_>, in_first_form: bool, index: usize) -> SectionView {
        let is_alternative = index > 0;
        let is_main = !is_alternative && (in_first_form || self.is_settings);
        let fields: Vec<Field> = section
            .body
            .iter()
            .filter_map(|node| {
                self.place += 1;
                let mut field = Field::of(node, self.texts, self.place, is_alternative)?;
                if self.is_settings && node.attribute("autocomplete") == Some("new-password") {
                    field.label = self.texts.text("settings.new_password").to_owned();
                }
                if node.attribute("autocomplete") == Some("new-password") {
                    field.hint = Some(self.texts.text("password.hint").to_owned());
                }
                if let Widget::Trigger(trigger) = &mut field.widget {
                    trigger.primary = is_main && section.submits.is_empty();
                }
                Some(field)
            })
            .collect();
        let buttons = section.submits.iter().enumerate().map(|(place, node)| {
            let class = self.class(node, section, is_main && place == 0);
            Button::of(node, self.texts, class, is_alternative || place > 0)
        });
        SectionView {
            divider: false,
            buttons: buttons.collect(),
            needs_script: section.submits.is_empty() && section.body.iter().any(|node| node.is_trigger()),
            fields,
        }
    }

    fn class(&self, node: &Node, section: &Section<'_>, is_main: bool) -> &'static str {
        let name = node.key();
        let has_fields = section.body.iter().any(|node| node.is_field());
        if arrange::removes(node) {
            "danger"
        } else if is_main && (name == "method" || has_fields || name.ends_with("_confirm")) {
            "primary"
        } else if !self.is_settings && (name == "screen" || has_fields) && name != "method" {
            "quiet"
        } else {
            "secondary"
        }
    }
}

impl FormView {
    /// Whether a person sees anything of it.
    fn shows(&self) -> bool {
        self.sections.iter().any(|section| !section.fields.is_empty() || !section.buttons.is_empty())
    }

    /// Whether it only leads back to the step before.
    fn is_way_back(&self) -> bool {
        self.sections
            .iter()
            .all(|section| section.fields.is_empty() && section.buttons.iter().all(|button| button.name == "screen"))
    }
}

fn has_fields(block: &Block<'_>) -> bool {
    block.forms.iter().flat_map(|form| &form.sections).flat_map(|section| &section.body).any(|node| node.is_field())
}

/// A second step can be taken in several ways, of which the first one is shown and the others wait behind a line each.
fn fold_alternatives(texts: &Texts, blocks: &mut [BlockView]) {
    let is_wrong = |block: &BlockView| {
        let sections = || block.forms.iter().flat_map(|form| &form.sections);
        sections().flat_map(|section| &section.fields).any(Field::has_errors)
            || sections().flat_map(|section| &section.buttons).any(|button| !button.messages.is_empty())
    };
    for block in blocks.iter_mut().skip(1).filter(|block| block.heading.is_some()) {
        let name = format!("group.{}.instead", block.group);
        block.folded = texts.find(&name).map(str::to_owned).or_else(|| block.heading.clone());
        block.is_open = is_wrong(block);
        (block.heading, block.divider) = (None, false);
    }
}

/// Where people begin to type: the first field that is wrong, or else the first empty one, or else the first. On a page
/// of several forms only what is wrong takes the focus. Answers whether something is wrong.
fn focus_first(blocks: &mut [BlockView], is_settings: bool, form_is_wrong: bool) -> bool {
    let mut fields: Vec<&mut Field> = blocks
        .iter_mut()
        .filter(|block| block.folded.is_none() || block.is_open)
        .flat_map(|block| &mut block.forms)
        .flat_map(|form| &mut form.sections)
        .flat_map(|section| &mut section.fields)
        .filter(|field| matches!(field.widget, Widget::Input(_) | Widget::Select { .. } | Widget::List { .. }))
        .collect();
    let wrong = fields.iter().position(|field| field.has_errors());
    let is_empty = |field: &&mut Field| matches!(&field.widget, Widget::Input(input) if input.value.is_empty());
    let usual = (!is_settings).then(|| fields.iter().position(is_empty).unwrap_or(0));
    if let Some(field) = wrong.or(usual).and_then(|place| fields.get_mut(place)) {
        if form_is_wrong && !is_settings {
            field.also_described_by = PAGE_ERROR;
        }
        if let Some(input) = field.input_mut() {
            input.autofocus = true;
        }
    }
    form_is_wrong || wrong.is_some()
}

/// Whom the form is about, where an earlier step or the session says so.
fn identifier(flow: &Flow, kind: FlowKind, frame: &Frame) -> Option<(String, Link)> {
    let node = flow.ui.nodes.iter().find(|node| node.is_hidden() && node.key() == "identifier");
    let value = node.filter(|_| kind == FlowKind::Login)?.value().filter(|value| !value.is_empty())?;
    let signed_in = flow.is_refresh() || flow.is_second_step();
    let href = if signed_in { format!("{}/logout", frame.base) } else { restart(flow, FlowKind::Login, frame) };
    Some((value, Link { before: String::new(), href, text: frame.texts.text("login.not_you").to_owned() }))
}

/// The address of another flow, which ends where this one was to end.
fn restart(flow: &Flow, kind: FlowKind, frame: &Frame) -> String {
    let challenge = flow.oauth2_login_challenge.as_deref().unwrap_or_default();
    let schema = flow.identity_schema.as_deref().unwrap_or_default();
    let joins = matches!(kind, FlowKind::Login | FlowKind::Registration);
    let query = [
        ("return_to", flow.return_to.as_deref().unwrap_or_default()),
        ("login_challenge", if joins { challenge } else { "" }),
        ("identity_schema", if joins { schema } else { "" }),
    ];
    urls::with_query(&format!("{}/{}", frame.base, kind.word()), query)
}

fn links(flow: &Flow, situation: &Situation<'_>, frame: &Frame) -> Vec<Link> {
    let settings = situation.settings;
    let link = |kind: FlowKind, name: &str| {
        let before = frame.texts.find(&format!("link.{name}.before")).unwrap_or_default();
        let text = frame.texts.text(&format!("link.{name}")).to_owned();
        Link { before: before.to_owned(), href: restart(flow, kind, frame), text }
    };
    let plain = |path: &str, name: &str| Link {
        before: String::new(),
        href: format!("{}{path}", frame.base),
        text: frame.texts.text(name).to_owned(),
    };
    let mut links = Vec::new();
    match situation.kind {
        FlowKind::Login if flow.is_second_step() || flow.is_refresh() => {
            links.push(plain("/logout", "link.logout"));
            if settings.recovery_enabled && flow.is_refresh() {
                links.push(link(FlowKind::Recovery, "recovery"));
            }
        }
        FlowKind::Login => {
            let unverified = flow.ui.messages.iter().any(|message| message.id == ADDRESS_NOT_VERIFIED);
            if unverified && settings.verification_enabled {
                links.push(link(FlowKind::Verification, "verification"));
            }
            if settings.recovery_enabled {
                links.push(link(FlowKind::Recovery, "recovery"));
            }
            if settings.registration_enabled {
                links.push(link(FlowKind::Registration, "registration"));
            }
        }
        FlowKind::Registration => links.push(link(FlowKind::Login, "login")),
        FlowKind::Recovery => links.push(link(FlowKind::Login, "back_to_login")),
        FlowKind::Verification if flow.state.as_deref() == Some("passed_challenge") => {}
        FlowKind::Verification => links.push(plain("/", "link.overview")),
        FlowKind::Settings => links.push(plain("/", "link.back_to_overview")),
    }
    links
}

/// The scripts that nodes ask for; only the public API may supply one.
fn scripts(flow: &Flow, settings: &PagesSettings) -> Vec<Script> {
    let public = urls::origin_of(&settings.public_base_url);
    let own = |node: &&Node| public.is_some() && urls::origin_of(node.attribute("src").unwrap_or_default()) == public;
    let text = |node: &Node, name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let script = |node: &Node| Script {
        id: text(node, "id"),
        src: text(node, "src"),
        kind: text(node, "type"),
        integrity: text(node, "integrity"),
        crossorigin: text(node, "crossorigin"),
        referrerpolicy: text(node, "referrerpolicy"),
        is_async: node.flag("async"),
    };
    flow.ui.nodes.iter().filter(|node| node.kind == "script").filter(own).map(script).collect()
}

fn needs(flow: &Flow, scripts: &[Script]) -> Needs {
    let nodes = || flow.ui.nodes.iter();
    Needs {
        foreign_redirects: flow.is_for_another_application() || nodes().any(|node| arrange::is_provider(&node.group)),
        script_origins: scripts.iter().filter_map(|script| urls::origin_of(&script.src)).collect(),
        image_origins: nodes()
            .filter(|node| node.kind == "img")
            .filter_map(|node| urls::origin_of(node.attribute("src")?))
            .collect(),
    }
}
