//! The scenes, in their order. Each insists on what people rely on and says in a few words what it saw.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use super::Stage;
use crate::bench::load::{Pace, Target};
use crate::faults::ledger::Ledger;
use crate::faults::story::Stories;
use crate::faults::{Findings, audit};
use crate::rig::{Api, Stop};

type Scene = fn(&mut Stage) -> anyhow::Result<String>;

/// All of them.
pub const ALL: &[(&str, Scene)] = &[
    ("what one node does, the other knows", as_one),
    ("two workers, one outbox", one_outbox),
    ("both clean up, neither is in the other's way", clean_up),
    ("each node restarted in turn, under load", rolling_restart),
    ("a node killed under load", killed_node),
    ("the database restarted under load", database_restart),
];

const PASSWORD: &str = "harbour-7-lantern-nodes";
/// How soon every node has to know what one has done.
const SOON: Duration = Duration::from_secs(1);

fn as_one(stage: &mut Stage) -> anyhow::Result<String> {
    let [first, second] = [stage.nodes[0].api(), stage.nodes[1].api()];
    let email = "as-one@rig.test";
    let token = token_of(&first.register(email, PASSWORD)?)?;
    ensure!(second.whoami(&token)?.status == 200, "the second node does not know a session of the first");
    // A form from one node is taken by the other.
    let form = first.begin("login", None)?;
    let id = form.body["id"].as_str().context("the flow has no id")?;
    let body = json!({"method": "password", "identifier": email, "password": PASSWORD});
    let other = token_of(&second.submit("login", id, None, &body)?)?;
    ensure!(first.submit("login", id, None, &body)?.status != 200, "the same form is taken twice");
    ensure!(first.logout(&token)?.status == 204, "signing out failed");
    let took = until_refused(&second, &token)?;
    let changed =
        first.flow("settings", Some(&other), &json!({"method": "password", "password": "a-new-lantern-41"}))?;
    ensure!(changed.status == 200, "the password is not changed: {}", changed.body);
    ensure!(second.login(email, PASSWORD)?.status == 400, "the second node takes the old password");
    ensure!(second.login(email, "a-new-lantern-41")?.status == 200, "the second node refuses the new password");
    let served = stage.proxy.served();
    for _ in 0..4 {
        ensure!(stage.api().login(email, "a-new-lantern-41")?.status == 200, "no sign-in by way of the proxy");
    }
    let more: Vec<usize> = stage.proxy.served().iter().zip(&served).map(|(now, before)| now - before).collect();
    ensure!(more.iter().all(|count| *count > 0), "the proxy asks one node only: {more:?}");
    Ok(format!("an ended session was refused by the other node after {} ms", took.as_millis()))
}

fn token_of(answer: &crate::client::Answer) -> anyhow::Result<String> {
    answer.body["session_token"].as_str().map(str::to_owned).with_context(|| format!("no session: {}", answer.body))
}

fn until_refused(api: &Api, token: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < SOON {
        if api.whoami(token)?.status == 401 {
            return Ok(begun.elapsed());
        }
        sleep(Duration::from_millis(5));
    }
    bail!("a session that ended elsewhere is still good after a second")
}

fn one_outbox(stage: &mut Stage) -> anyhow::Result<String> {
    const PEOPLE: usize = 60;
    let apis = [stage.nodes[0].api(), stage.nodes[1].api()];
    let before = stage.sink.mails().len();
    std::thread::scope(|scope| {
        let threads: Vec<_> = apis
            .iter()
            .enumerate()
            .map(|(node, api)| {
                scope.spawn(move || {
                    for number in 0..PEOPLE / 2 {
                        let answer = api.register(&format!("outbox-{node}-{number}@rig.test"), PASSWORD)?;
                        ensure!(answer.status == 200, "a registration answers {}: {}", answer.status, answer.body);
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a thread ended early")))
    })?;
    let end = Instant::now() + Duration::from_secs(20);
    while stage.sink.mails().len() < before + PEOPLE && Instant::now() < end {
        sleep(Duration::from_millis(20));
    }
    // A mail that both had claimed would come again about now.
    sleep(Duration::from_secs(3));
    let mails = stage.sink.mails();
    let mut addresses: Vec<&str> = mails[before..].iter().map(|mail| mail.to.as_str()).collect();
    addresses.sort_unstable();
    let copies = addresses.len();
    addresses.dedup();
    ensure!(copies == PEOPLE && addresses.len() == PEOPLE, "{copies} mails to {} of {PEOPLE} people", addresses.len());
    let delivered = stage.nodes.each_ref().map(|node| node.log().matches("a message was delivered").count());
    ensure!(delivered.iter().all(|count| *count > 0), "one node delivered nothing: {delivered:?}");
    Ok(format!("{PEOPLE} mails, each once, {} by the first node and {} by the second", delivered[0], delivered[1]))
}

/// Both look for expired rows each second; here it is about their not failing at it.
fn clean_up(stage: &mut Stage) -> anyhow::Result<String> {
    sleep(Duration::from_secs(3));
    for node in &stage.nodes {
        let log = node.log();
        let trouble: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("ERROR") || line.contains("could not remove what has expired"))
            .take(3)
            .collect();
        ensure!(trouble.is_empty(), "the log tells of trouble:\n{}", trouble.join("\n"));
    }
    Ok("no errors in either log".to_owned())
}

/// Tells stories to the proxy while `disturb` disturbs, and compares in the end.
fn under_load(
    stage: &mut Stage,
    gapless: bool,
    disturb: impl FnOnce(&mut Stage, &AtomicBool) -> anyhow::Result<u32>,
) -> anyhow::Result<(u32, Findings, usize)> {
    let (ledger, over, enough) = (Ledger::default(), AtomicBool::new(false), AtomicBool::new(false));
    let (api, options) = (stage.api(), stage.options.clone());
    stage.loads += 1;
    let seed = options.seed.wrapping_mul(100).wrapping_add(stage.loads);
    let stories = Stories { api: &api, ledger: &ledger, gapless, enough: &enough };
    let times = std::thread::scope(|scope| {
        scope.spawn(|| {
            stories.play(options.rounds, 6, seed);
            over.store(true, Ordering::Relaxed);
        });
        let times = disturb(stage, &over);
        enough.store(true, Ordering::Relaxed);
        times
    })?;
    stage.wait_for_proxy()?;
    let findings = audit(&api, &ledger, &stage.sink)?;
    let complaints = ledger.complaints();
    let shown: Vec<String> = complaints.iter().take(10).map(|one| one.chars().take(300).collect()).collect();
    ensure!(complaints.is_empty(), "{} promises were broken\n- {}", complaints.len(), shown.join("\n- "));
    Ok((times, findings, ledger.answered.load(Ordering::Relaxed)))
}

fn rolling_restart(stage: &mut Stage) -> anyhow::Result<String> {
    let token = token_of(&stage.api().register("keeps-asking@rig.test", PASSWORD)?)?;
    let authority = stage.proxy.url().trim_start_matches("http://").to_owned();
    let target = Target { authority, path: "/sessions/whoami".into(), token: Some(token) };
    let asking = AtomicBool::new(true);
    std::thread::scope(|scope| {
        // Besides the stories: kept connections that never rest.
        let asked = scope.spawn(|| {
            let mut asked = 0;
            while asking.load(Ordering::Relaxed) {
                let measured = crate::bench::load::run(&target, 4, Duration::from_millis(500), Pace::Rate(200.0))?;
                ensure!(measured.refused == 0, "{} session checks failed", measured.refused);
                asked += measured.answers();
            }
            Ok(asked)
        });
        let told = under_load(stage, true, restart_in_turn);
        asking.store(false, Ordering::Relaxed);
        let asked = asked.join().unwrap_or_else(|_| bail!("the asking thread ended early"))?;
        let (restarts, findings, answered) = told?;
        ensure!(findings.twice == 0, "{} mails came twice", findings.twice);
        Ok(format!(
            "{restarts} restarts, {answered} requests of stories and {asked} session checks, none failed; {} mails, none twice",
            findings.mails
        ))
    })
}

fn restart_in_turn(stage: &mut Stage, over: &AtomicBool) -> anyhow::Result<u32> {
    let mut restarts = 0;
    while !over.load(Ordering::Relaxed) || restarts < 2 {
        for node in 0..2 {
            stage.nodes[node].stop(Stop::Orderly)?;
            stage.nodes[node].start()?;
            stage.wait_for_proxy()?;
            restarts += 1;
        }
    }
    Ok(restarts)
}

fn killed_node(stage: &mut Stage) -> anyhow::Result<String> {
    let (kills, findings, answered) = under_load(stage, false, |stage, over| {
        let mut kills = 0;
        while !over.load(Ordering::Relaxed) {
            let node = kills as usize % 2;
            sleep(Duration::from_millis(700));
            stage.nodes[node].stop(Stop::Kill)?;
            sleep(Duration::from_millis(300));
            stage.nodes[node].start()?;
            stage.wait_for_proxy()?;
            kills += 1;
        }
        Ok(kills)
    })?;
    Ok(format!(
        "{kills} kills, {answered} answers, nothing lost; {} mails, {} of them twice",
        findings.mails, findings.twice
    ))
}

fn database_restart(stage: &mut Stage) -> anyhow::Result<String> {
    let (crashes, findings, answered) = under_load(stage, false, |stage, over| {
        let mut crashes = 0;
        while !over.load(Ordering::Relaxed) || crashes == 0 {
            sleep(Duration::from_millis(700));
            stage.cluster.crash()?;
            sleep(Duration::from_millis(700));
            stage.cluster.restart()?;
            for node in &mut stage.nodes {
                node.wait_ready(Duration::from_secs(15))?;
            }
            stage.wait_for_proxy()?;
            crashes += 1;
        }
        Ok(crashes)
    })?;
    Ok(format!(
        "{crashes} crashes, {answered} answers, nothing lost; {} mails, {} of them twice",
        findings.mails, findings.twice
    ))
}
