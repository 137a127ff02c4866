//! A mail server with manners of all kinds. Nobody waits for another's mail, each mail comes in the end, and the log says what
//! went wrong.

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foundation::{Rng, SeededRng};

use super::Run;
use crate::rig::sink::{Manner, Sink};
use crate::rig::{Api, Node, Plan, Rig};

pub fn run(run: &Run, output: &mut dyn Write) -> anyhow::Result<()> {
    let sink = Sink::start()?;
    let plan = Plan { smtp: Some(sink.port()), ..Plan::default() };
    let rig = Rig::new(&run.limen, &plan)?;
    let mut node = rig.node("node")?;
    node.start()?;
    let scene = Scene { api: node.api(), sink, node: &node, rng: SeededRng::new(run.seed) };
    writeln!(output, "mail, seed {}", run.seed)?;
    for (title, play) in SCENES {
        let took = play(&scene).with_context(|| format!("{title}\nThe end of the log:\n{}", node.log_end()))?;
        writeln!(output, "  {title}: {} ms", took.as_millis())?;
    }
    Ok(())
}

struct Scene<'a> {
    api: Api,
    sink: Sink,
    node: &'a Node,
    rng: SeededRng,
}

type Play = fn(&Scene<'_>) -> anyhow::Result<Duration>;

const SCENES: &[(&str, Play)] = &[
    ("a good server: the mail is there after", good),
    ("a server that is down loses nothing; the mail came after it was back, within", down),
    ("a server that hangs up in the middle of a mail; the mail came once it behaved, within", drops),
    ("a refused recipient delays nobody else, whose mail came within", refuses),
    ("a slow server delays no request; an account was made in", slow),
];

impl Scene<'_> {
    fn somebody(&self) -> anyhow::Result<String> {
        let email = format!("mail-{}@rig.test", self.rng.digits(10));
        let answer = self.api.register(&email, "harbour-7-lantern-mail")?;
        ensure!(answer.status == 200, "a registration answers {}: {}", answer.status, answer.body);
        Ok(email)
    }

    fn wait_for_mail(&self, to: &str, patience: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let count = self.sink.mails().iter().filter(|mail| mail.to == to).count();
            ensure!(count < 2, "{to} has {count} mails");
            if count == 1 {
                return Ok(begun.elapsed());
            }
            sleep(Duration::from_millis(10));
        }
        anyhow::bail!("{to} has no mail after {} seconds", patience.as_secs())
    }

    fn wait_for_log(&self, words: &str) -> anyhow::Result<()> {
        for _ in 0..500 {
            if self.node.log().contains(words) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        anyhow::bail!("the log never says {words:?}")
    }
}

fn good(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    let email = scene.somebody()?;
    scene.wait_for_mail(&email, Duration::from_secs(10))
}

/// The first try is repeated after about a second.
fn down(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    misbehaving(scene, Manner::Down)
}

fn drops(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    misbehaving(scene, Manner::Drops)
}

fn misbehaving(scene: &Scene<'_>, manner: Manner) -> anyhow::Result<Duration> {
    scene.sink.behave(manner);
    let before = scene.node.log().matches("could not be delivered and is tried again").count();
    let email = scene.somebody()?;
    for _ in 0..500 {
        if scene.node.log().matches("could not be delivered and is tried again").count() > before {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    scene.sink.behave(Manner::Good);
    scene.wait_for_mail(&email, Duration::from_secs(30))
}

fn refuses(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    let email = format!("refused-{}@rig.test", scene.rng.digits(10));
    scene.sink.behave(Manner::Refuses(email.clone()));
    ensure!(scene.api.register(&email, "harbour-7-lantern-mail")?.status == 200, "the registration failed");
    let other = scene.somebody()?;
    let took = scene.wait_for_mail(&other, Duration::from_secs(5))?;
    scene.wait_for_log("a message was given up")?;
    scene.sink.behave(Manner::Good);
    Ok(took)
}

fn slow(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    scene.sink.behave(Manner::Slow(Duration::from_secs(2)));
    let begun = Instant::now();
    let email = scene.somebody()?;
    let took = begun.elapsed();
    ensure!(took < Duration::from_secs(2), "a registration waited for the mail server");
    scene.wait_for_mail(&email, Duration::from_secs(20))?;
    scene.sink.behave(Manner::Good);
    Ok(took)
}
