//! The sandbox: what a template may do, and that nothing that it does wrong harms the next one.

use std::time::{Duration, Instant};

use scripting::jsonnet::{Evaluated, Jsonnet, JsonnetError, JsonnetLimits, WorkerCommand};
use serde_json::json;

fn sandbox(limits: JsonnetLimits) -> Jsonnet {
    let program = env!("CARGO_BIN_EXE_jsonnet-worker-of-tests").into();
    Jsonnet::new(WorkerCommand { program, arguments: Vec::new() }, limits)
}

/// One child process, so that the next evaluation meets what the last one left.
fn single() -> Jsonnet {
    sandbox(JsonnetLimits { workers: 1, ..JsonnetLimits::default() })
}

async fn works(jsonnet: &Jsonnet) {
    let done = jsonnet.evaluate("function(ctx) {sum: ctx.a + 1}", &json!({"a": 41})).await;
    assert_eq!(done, Ok(Evaluated::Json(r#"{"sum": 42}"#.to_owned())));
}

#[tokio::test]
async fn processes_are_used_again_and_replaced_after_a_while() {
    let jsonnet = sandbox(JsonnetLimits { workers: 1, evaluations: 3, ..JsonnetLimits::default() });
    for _ in 0..7 {
        works(&jsonnet).await;
    }
    let warm = single();
    works(&warm).await;
    let start = Instant::now();
    for _ in 0..20 {
        works(&warm).await;
    }
    assert!(start.elapsed() < Duration::from_secs(2), "twenty small templates took {:?}", start.elapsed());
}

#[tokio::test]
async fn an_endless_loop_is_killed_and_the_next_evaluation_works() {
    let jsonnet = sandbox(JsonnetLimits { workers: 1, time: Duration::from_millis(700), ..JsonnetLimits::default() });
    works(&jsonnet).await;
    let endless = "local f(n) = if n < 0 then 0 else f(n + 1) tailstrict; function(ctx) f(0)";
    let start = Instant::now();
    let done = jsonnet.evaluate(endless, &json!({})).await;
    assert_eq!(done, Err(JsonnetError::Time(Duration::from_millis(700))));
    assert!(start.elapsed() < Duration::from_secs(5));
    works(&jsonnet).await;
}

#[tokio::test]
async fn a_memory_bomb_dies_alone() {
    let jsonnet = sandbox(JsonnetLimits { workers: 1, time: Duration::from_secs(20), ..JsonnetLimits::default() });
    for bomb in [
        "function(ctx) std.length(std.foldl(function(a, i) a + a, std.range(1, 40), 'xxxxxxxx'))",
        "function(ctx) std.length(std.makeArray(100000000, function(i) i))",
    ] {
        assert_eq!(jsonnet.evaluate(bomb, &json!({})).await, Err(JsonnetError::Died), "{bomb}");
        works(&jsonnet).await;
    }
}

#[tokio::test]
async fn deep_recursion_is_an_error_and_the_process_lives_on() {
    let jsonnet = single();
    let deep = "local f(n) = 1 + f(n + 1); function(ctx) f(0)";
    assert!(matches!(jsonnet.evaluate(deep, &json!({})).await, Err(JsonnetError::Template(_))));
    let brackets = format!("function(ctx) {}1{}", "[".repeat(20_000), "]".repeat(20_000));
    // Whether the parser takes it or not, the next one works.
    let _ = jsonnet.evaluate(&brackets, &json!({})).await;
    works(&jsonnet).await;
}

#[tokio::test]
async fn results_and_inputs_are_bounded() {
    let jsonnet = single();
    let huge = "function(ctx) std.repeat('x', 300000)";
    let done = jsonnet.evaluate(huge, &json!({})).await;
    assert_eq!(done, Err(JsonnetError::Size { what: "result", most: 256 << 10 }));
    let fits = jsonnet.evaluate("function(ctx) std.repeat('x', 262000)", &json!({})).await;
    assert!(matches!(fits, Ok(Evaluated::Json(text)) if text.len() == 262_002));
    let long = format!("function(ctx) '{}'", "x".repeat(1 << 20));
    let done = jsonnet.evaluate(&long, &json!({})).await;
    assert_eq!(done, Err(JsonnetError::Size { what: "template with its argument", most: 1 << 20 }));
    works(&jsonnet).await;
}

#[tokio::test]
async fn nothing_is_imported_and_nothing_called() {
    let jsonnet = single();
    for template in [
        "function(ctx) importstr '/proc/self/environ'",
        "function(ctx) import '/etc/passwd'",
        "function(ctx) importbin '/dev/zero'",
        "function(ctx) std.native('sh')('id')",
        "function(ctx) std.extVar('PATH')",
    ] {
        let done = jsonnet.evaluate(template, &json!({})).await;
        assert!(matches!(done, Err(JsonnetError::Template(_))), "{template}: {done:?}");
    }
    works(&jsonnet).await;
}

#[tokio::test]
async fn many_at_once_share_the_processes_and_get_their_own_results() {
    let jsonnet = sandbox(JsonnetLimits { workers: 2, ..JsonnetLimits::default() });
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let jsonnet = jsonnet.clone();
            tokio::spawn(async move { jsonnet.evaluate("function(ctx) ctx.n", &json!({"n": number})).await })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), Ok(Evaluated::Json(number.to_string())));
    }
}

#[tokio::test]
async fn one_who_finds_no_free_process_is_told_in_time() {
    let limits = JsonnetLimits {
        workers: 1,
        time: Duration::from_secs(3),
        patience: Duration::from_millis(500),
        ..JsonnetLimits::default()
    };
    let jsonnet = sandbox(limits);
    works(&jsonnet).await;
    let busy = {
        let jsonnet = jsonnet.clone();
        let endless = "local f(n) = f(n + 1) tailstrict; function(ctx) f(0)";
        tokio::spawn(async move { jsonnet.evaluate(endless, &json!({})).await })
    };
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(jsonnet.evaluate("1", &json!({})).await, Err(JsonnetError::Busy));
    assert!(matches!(busy.await.unwrap(), Err(JsonnetError::Time(_))));
    works(&jsonnet).await;
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_an_error_and_no_hang() {
    for program in ["/bin/true", "/no/such/program", "/bin/cat"] {
        let command = WorkerCommand { program: program.into(), arguments: Vec::new() };
        let limits = JsonnetLimits { patience: Duration::from_millis(300), ..JsonnetLimits::default() };
        let done = Jsonnet::new(command, limits).evaluate("1", &json!({})).await;
        assert!(matches!(done, Err(JsonnetError::Start(_))), "{program}: {done:?}");
    }
}
