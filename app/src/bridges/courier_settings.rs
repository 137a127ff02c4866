//! The courier's settings out of the identity service's configuration, which is where kratos.yml has them.

use courier::{
    CourierSettings, Smtp, TemplateBody, TemplateChannels, TemplateOutcomes, TemplateSource, Templates, Worker,
};
use identity::settings::{self, Settings};

/// The courier's part of the configuration, in the courier's types.
pub fn convert(settings: &Settings) -> CourierSettings {
    let from = &settings.courier;
    CourierSettings {
        message_retries: from.message_retries,
        worker: Worker { pull_count: from.worker.pull_count, pull_wait: from.worker.pull_wait },
        smtp: smtp(&from.smtp),
        template_override_path: from.template_override_path.clone(),
        templates: templates(&from.templates),
        keep_contents: settings.dev,
        refuse_private_addresses: settings.clients.smtp.disallow_private_ip_ranges,
        ..CourierSettings::default()
    }
}

fn smtp(from: &settings::Smtp) -> Smtp {
    Smtp {
        connection_uri: from.connection_uri.clone(),
        from_address: from.from_address.clone(),
        from_name: from.from_name.clone(),
        headers: from.headers.clone(),
        local_name: from.local_name.clone(),
        client_cert_path: from.client_cert_path.clone(),
        client_key_path: from.client_key_path.clone(),
    }
}

fn templates(from: &settings::Templates) -> Templates {
    Templates {
        recovery: outcomes(&from.recovery),
        recovery_code: outcomes(&from.recovery_code),
        verification: outcomes(&from.verification),
        verification_code: outcomes(&from.verification_code),
        login_code: outcomes(&from.login_code),
        registration_code: outcomes(&from.registration_code),
        verifiable_address_changed: channels(&from.verifiable_address_changed),
    }
}

fn outcomes(from: &settings::TemplateOutcomes) -> TemplateOutcomes {
    TemplateOutcomes { valid: channels(&from.valid), invalid: channels(&from.invalid) }
}

fn channels(from: &settings::TemplateChannels) -> TemplateChannels {
    TemplateChannels { email: source(&from.email) }
}

fn source(from: &settings::TemplateSource) -> TemplateSource {
    let body = TemplateBody { plaintext: from.body.plaintext.clone(), html: from.body.html.clone() };
    TemplateSource { subject: from.subject.clone(), body }
}
