//! The parts of the program, put together: database, hashing, outgoing requests, courier, the identity service.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use courier::{Courier, CourierSettings, HookSettings, Transport};
use crypto::passwords::{Algorithm, Argon2Parameters};
use crypto::{HashParameters, PasswordHashing, PoolLimits, Sealer};
use database::{Db, Engine, Schema, check_ownership};
use foundation::{Clock, Rng, SystemClock, Uuid};
use identity::schema::Schemas;
use identity::settings::{HasherAlgorithm, Settings};
use identity::{Deps, Identity, Limits, Snapshot};
use operators::AdminKeys;
use scripting::jsonnet::{Jsonnet, JsonnetLimits, WorkerCommand};
use settings::Live;
use web::{Metrics, OutboundClient, OutboundPolicy};

/// Everything that listeners and workers share.
pub struct Program {
    /// The settings in force.
    pub snapshot: Arc<Live<Snapshot>>,
    /// The identity service.
    pub identity: Identity,
    /// Delivers messages.
    pub courier: Arc<Courier>,
    /// Hashes passwords; follows reloads.
    pub passwords: Arc<PasswordHashing>,
    /// Opens the admin API to operators' programs.
    pub admin_keys: AdminKeys,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where ids come from.
    pub rng: Arc<dyn Rng>,
    /// Whose data this is.
    pub tenant: Uuid,
}

/// One tenant, until there are several.
pub const TENANT: Uuid = Uuid::from_u128(0x6c69_6d65_6e00_4000_8000_0000_0000_0001);

/// How many people may wait for their password to be checked.
const HASH_QUEUE: usize = 256;

/// All tables of this release.
pub fn schema() -> Schema {
    let mut migrations = identity::migrations();
    migrations.extend(courier::migrations());
    migrations.extend(operators::migrations());
    migrations.extend(database::feed::migrations());
    migrations.extend(permissions::migrations());
    Schema { migrations }
}

/// Opens a database, checks whose it is, and migrates it where that is wanted.
///
/// # Errors
/// A database that cannot be used, and what to do about it.
pub async fn open(dsn: &str, auto_migrate: bool) -> anyhow::Result<Db> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let db = Db::open(dsn, Arc::clone(&clock)).await?;
    migrate(&db, clock.as_ref(), auto_migrate).await?;
    Ok(db)
}

/// What is counted, by whichever service.
pub fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new(&[("app", "limen"), ("version", env!("CARGO_PKG_VERSION"))]))
}

/// Puts the identity service together on an open database.
///
/// # Errors
/// What keeps the server from starting, and what to do about it.
pub async fn compose(
    db: Db,
    snapshot: Arc<Live<Snapshot>>,
    metrics: Arc<Metrics>,
    rng: Arc<dyn Rng>,
) -> anyhow::Result<Program> {
    let clock = Arc::clone(db.clock());
    let now = snapshot.get();
    let settings = &now.settings;
    let outbound = OutboundClient::new(outbound_policy(settings))?;
    let passwords = Arc::new(PasswordHashing::new(
        hash_parameters(settings),
        PoolLimits::for_this_machine(HASH_QUEUE, settings.hashers.argon2.dedicated_memory.kib()),
    ));
    let courier = Arc::new(courier(&db, &snapshot, &outbound, &clock, &rng)?);
    let current = Arc::clone(&snapshot);
    let admin_keys = AdminKeys::new(db.clone(), Arc::clone(&clock), Arc::clone(&rng), TENANT);
    let identity = Identity::new(Deps {
        db,
        passwords: Arc::clone(&passwords),
        schemas: Schemas::new(outbound.clone(), Arc::clone(&clock)),
        courier: Arc::clone(&courier),
        jsonnet: jsonnet()?,
        outbound,
        limits: Limits::new(Arc::clone(&clock)),
        snapshot: Arc::new(move || current.get()),
        clock,
        rng: Arc::clone(&rng),
        tenant: TENANT,
    });
    // A schema that cannot be used is told at start, not to the first person who signs up.
    identity.schemas.all(settings).await.context("identity.schemas")?;
    metrics.register(|registry| {
        passwords.register(registry);
        identity.limits.register(registry);
        registry.register_collector(identity.session_metrics());
        courier.register_metrics(registry);
    });
    Ok(Program { snapshot, identity, courier, passwords, admin_keys, metrics, rng, tenant: TENANT })
}

async fn migrate(db: &Db, clock: &dyn Clock, auto_migrate: bool) -> anyhow::Result<()> {
    let schema = schema();
    check_ownership(db, &schema).await?;
    let pending = schema.pending(db).await?;
    if pending.is_empty() {
        return Ok(());
    }
    if db.engine() != Engine::Sqlite && !auto_migrate {
        bail!(
            "the database needs {} migration(s): run `limen migrate sql up` with the same configuration, or start with \
             --auto-migrate",
            pending.len()
        );
    }
    for name in schema.up(db, clock.now()).await? {
        tracing::info!(migration = name, "migrated");
    }
    Ok(())
}

fn outbound_policy(settings: &Settings) -> OutboundPolicy {
    let http = &settings.clients.http;
    OutboundPolicy {
        disallow_private: http.disallow_private_ip_ranges,
        exceptions: http.private_ip_exception_urls.clone(),
        timeout: Duration::from_secs(30),
        user_agent: concat!("limen/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..OutboundPolicy::default()
    }
}

/// Jsonnet is evaluated by this same program, started again as a worker that can do nothing else.
fn jsonnet() -> anyhow::Result<Jsonnet> {
    let limits = JsonnetLimits::default();
    let program = std::env::current_exe().context("the program does not know its own file")?;
    let arguments = vec!["jsonnet-worker".into(), limits.memory.to_string().into()];
    Ok(Jsonnet::new(WorkerCommand { program, arguments }, limits))
}

/// The parameters of new password hashes.
pub fn hash_parameters(settings: &Settings) -> HashParameters {
    let argon2 = &settings.hashers.argon2;
    HashParameters {
        algorithm: match settings.hashers.algorithm {
            HasherAlgorithm::Argon2 => Algorithm::Argon2id,
            HasherAlgorithm::Bcrypt => Algorithm::Bcrypt,
        },
        bcrypt_cost: settings.bcrypt_cost(),
        argon2: Argon2Parameters {
            memory_kib: argon2.memory.kib(),
            iterations: argon2.iterations,
            parallelism: argon2.lanes(),
            salt_length: argon2.salt_length as usize,
            key_length: argon2.key_length as usize,
        },
    }
}

fn courier(
    db: &Db,
    snapshot: &Arc<Live<Snapshot>>,
    outbound: &OutboundClient,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> anyhow::Result<Courier> {
    let now = snapshot.get();
    let settings = &now.settings;
    let sealer =
        Arc::new(Sealer::new(settings.secrets.at_rest()).context("secrets.cookie or secrets.cipher is needed")?);
    let mail_server = settings.courier.mail.smtp.connection_uri.as_ref().is_some_and(|uri| !uri.reveal().is_empty());
    let transport = if settings.dev && !mail_server { Transport::Inbox } else { Transport::Smtp };
    let current = Arc::clone(snapshot);
    let courier_settings = Arc::new(move || Arc::new(courier_settings(&current.get().settings)));
    Ok(Courier::new(
        db.clone(),
        sealer,
        outbound.clone(),
        courier_settings,
        Arc::clone(clock),
        Arc::clone(rng),
        transport,
    ))
}

/// The courier's part of the configuration, with what other parts say about mail.
fn courier_settings(settings: &Settings) -> CourierSettings {
    CourierSettings {
        keep_contents: settings.dev,
        brand: courier::Brand {
            name: settings.pages.brand.name.clone(),
            accent: settings.pages.brand.colors.accent,
            accent_dark: settings.pages.brand.colors.accent_dark,
            texts: Arc::new(settings.pages.texts.clone()),
        },
        refuse_private_addresses: settings.clients.smtp.disallow_private_ip_ranges,
        hooks: HookSettings {
            signing_secrets: settings.clients.web_hook.signing_secrets.clone(),
            retries: settings.clients.web_hook.retries,
            ..HookSettings::default()
        },
        ..settings.courier.mail.clone()
    }
}
