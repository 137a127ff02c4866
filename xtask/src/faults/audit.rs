//! Compares what people were told with what is there, once all is quiet.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::ledger::{Ledger, Person};
use crate::rig::Api;
use crate::rig::sink::{Mail, Sink};

/// What was found besides complaints.
#[derive(Debug, Default)]
pub struct Findings {
    /// Accounts that are there.
    pub accounts: usize,
    /// Sessions that were looked at.
    pub sessions: usize,
    /// Mails that arrived, each counted once.
    pub mails: usize,
    /// Mails that arrived twice.
    pub twice: usize,
    /// Changes of a password without an answer that were done, and that were not.
    pub open_changes: (usize, usize),
}

/// Looks at everything.
pub fn audit(api: &Api, ledger: &Ledger, sink: &Sink) -> anyhow::Result<Findings> {
    wait_for_mails(api)?;
    let mails = sink.mails();
    let mut findings = Findings::default();
    for person in ledger.people() {
        look_at(api, ledger, &person, &mails, &mut findings)?;
    }
    count_copies(ledger, &mails, &mut findings);
    Ok(findings)
}

/// Until nothing waits and nothing is under way: what was in the hands of a worker that died is taken over after its lease.
fn wait_for_mails(api: &Api) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(180);
    let mut waiting = usize::MAX;
    while Instant::now() < end {
        let count = |status: &str| -> anyhow::Result<usize> {
            let answer = api.admin("GET", &format!("/admin/courier/messages?page_size=250&status={status}"), None)?;
            Ok(answer.body.as_array().with_context(|| format!("no list, but {}", answer.body))?.len())
        };
        waiting = count("queued")? + count("processing")?;
        if waiting == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(200));
    }
    anyhow::bail!("{waiting} mails are not delivered after three minutes")
}

fn look_at(api: &Api, ledger: &Ledger, person: &Person, mails: &[Mail], findings: &mut Findings) -> anyhow::Result<()> {
    let email = &person.email;
    let found = api.identities(email)?;
    let own: Vec<&Mail> = mails.iter().filter(|mail| mail.to == *email).collect();
    let [account] = found.as_slice() else {
        if found.len() > 1 || person.acknowledged {
            ledger.complain(format!("{email} has {} accounts", found.len()));
        }
        if !own.is_empty() {
            ledger.complain(format!("{email} has no account, and {} mails", own.len()));
        }
        return Ok(());
    };
    findings.accounts += 1;
    for whole in ["/credentials/password", "/verifiable_addresses/0", "/recovery_addresses/0"] {
        if account.pointer(whole).is_none() {
            ledger.complain(format!("the account of {email} has no {whole}"));
        }
    }
    let changed = password_that_counts(api, ledger, person, findings)?;
    look_at_sessions(api, ledger, person, changed, findings)?;
    look_at_mails(ledger, person, &own);
    Ok(())
}

/// Exactly one password works. Says whether it is one that was never acknowledged.
fn password_that_counts(api: &Api, ledger: &Ledger, person: &Person, findings: &mut Findings) -> anyhow::Result<bool> {
    let email = &person.email;
    let works = |password: &str| anyhow::Ok(api.login(email, password)?.status == 200);
    let old = works(&person.password)?;
    let Some((new, _)) = &person.pending else {
        if !old {
            ledger.complain(format!("{email} can't sign in with the password that was acknowledged"));
        }
        return Ok(false);
    };
    let new = works(new)?;
    if old == new {
        ledger
            .complain(format!("{email}: of the old and the new password, {} work", if old { "both" } else { "none" }));
    }
    let count = if new { &mut findings.open_changes.0 } else { &mut findings.open_changes.1 };
    *count += 1;
    Ok(new)
}

/// A change of the password and the end of the other sessions are one: both are there, or none.
fn look_at_sessions(
    api: &Api,
    ledger: &Ledger,
    person: &Person,
    changed: bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let kept = person.pending.as_ref().map(|(_, token)| token);
    let live = person.live.iter().map(|token| (token, if changed && Some(token) != kept { 401 } else { 200 }));
    for (token, expected) in live.chain(person.ended.iter().map(|token| (token, 401))) {
        findings.sessions += 1;
        let answer = api.whoami(token)?;
        let right = answer.status == expected
            && (expected != 200
                || answer.body.pointer("/identity/traits/email") == Some(&person.email.as_str().into()));
        if !right {
            ledger.complain(format!(
                "a session of {} should answer {expected}, and answers {} {}",
                person.email, answer.status, answer.body
            ));
        }
    }
    Ok(())
}

fn look_at_mails(ledger: &Ledger, person: &Person, own: &[&Mail]) {
    let different = |recovery: bool| {
        let mut ids: Vec<&str> =
            own.iter().filter(|mail| is_recovery(mail) == recovery).map(|mail| mail.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    if different(false) != 1 {
        ledger.complain(format!(
            "{} should have one mail to confirm the address, and has {}",
            person.email,
            different(false)
        ));
    }
    let (least, most) = (person.recoveries, person.recoveries + person.unanswered_recoveries);
    let recoveries = different(true);
    if recoveries < least || recoveries > most {
        ledger
            .complain(format!("{} should have {least} to {most} mails to recover, and has {recoveries}", person.email));
    }
}

fn is_recovery(mail: &Mail) -> bool {
    mail.subject.ends_with("to get back into your account")
}

fn count_copies(ledger: &Ledger, mails: &[Mail], findings: &mut Findings) {
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in mails {
        *copies.entry(&mail.id).or_default() += 1;
    }
    findings.mails = copies.len();
    findings.twice = copies.values().filter(|count| **count == 2).count();
    for (id, count) in copies.iter().filter(|(_, count)| **count > 2) {
        ledger.complain(format!("the mail {id} came {count} times"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, subject: &str) -> Mail {
        Mail { to: "a@b".into(), id: id.into(), subject: subject.into() }
    }

    #[test]
    fn one_copy_too_many_and_one_mail_too_few_are_told() {
        let ledger = Ledger::default();
        let mut findings = Findings::default();
        let confirm = "Use code 1 to confirm your address";
        let mails = ["x", "x", "y", "y", "y"].map(|id| mail(id, confirm));
        count_copies(&ledger, &mails, &mut findings);
        assert_eq!((findings.mails, findings.twice, ledger.complaints().len()), (2, 1, 1));
        let person = Person { recoveries: 1, unanswered_recoveries: 1, ..Person::default() };
        let recover = "Use code 1 to get back into your account";
        let (one, two, three) = (mail("1", confirm), mail("2", recover), mail("3", recover));
        look_at_mails(&ledger, &person, &[&one, &two, &three]);
        assert_eq!(ledger.complaints().len(), 1, "all that was promised came");
        look_at_mails(&ledger, &person, &[&two]);
        assert_eq!(ledger.complaints().len(), 2, "the mail to confirm is missing");
        look_at_mails(&ledger, &person, &[&one]);
        assert_eq!(ledger.complaints().len(), 3, "the promised mail is missing");
    }
}
