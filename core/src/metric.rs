//! What is measured: a name, labels and a value, in Prometheus's terms. It knows nobody who measures.

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Such as `headwater_stream_records`.
    pub name: &'static str,
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The value now.
    pub value: f64,
    /// Whether it only grows.
    pub counter: bool,
}

impl Metric {
    /// One that only grows when its name says `total`.
    pub(crate) fn of(name: &'static str, labels: &[(&'static str, &str)], value: u64) -> Self {
        let labels = labels.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        Metric { name, labels, value: value as f64, counter: name.ends_with("_total") }
    }
}

/// Something beside an engine that has metrics to tell among those of the engine.
pub(crate) trait Meter: Send + Sync {
    /// What there is, now.
    fn metrics(&self) -> Vec<Metric>;

    /// The engine was closed.
    fn engine_closed(&self) {}
}

/// What each metric says, in the order in which they come.
pub(crate) const HELP: [(&str, &str); 85] = [
    ("headwater_appends_total", "Records appended since the engine was opened."),
    ("headwater_reads_total", "Reads since the engine was opened."),
    ("headwater_syncs_total", "Syncs of files since the engine was opened."),
    ("headwater_conflicts_total", "Appends that a condition refused since the engine was opened."),
    ("headwater_duplicates_total", "Appends that were known by their message id since the engine was opened."),
    ("headwater_stream_records", "Records that the stream keeps."),
    ("headwater_stream_bytes", "Bytes of the records that the stream keeps."),
    ("headwater_stream_subjects", "Subjects that have a record."),
    ("headwater_stream_first_seq", "The first sequence that is kept."),
    ("headwater_stream_last_seq", "The last sequence given out."),
    ("headwater_stream_segments", "Segments of the stream."),
    ("headwater_stream_unwritten_bytes", "Bytes of the stream that were not handed to the system yet."),
    ("headwater_stream_poisoned", "1 when a sync failed and the stream takes nothing more until it is reopened."),
    ("headwater_hub_connected", "1 while the connection to the hub stands."),
    ("headwater_hub_reconnects_total", "How often the connection to the hub came back."),
    ("headwater_hub_lag_records", "Records of links of the hub that are still to be carried."),
    ("headwater_link_running", "1 while the link carries what there is, 0 while it waits."),
    ("headwater_link_pushed_records_total", "Records that the hub's stream took from the link."),
    ("headwater_link_pulled_records_total", "Records that the local stream took from the link."),
    ("headwater_link_known_records_total", "Records that came or went over the link and were there already."),
    ("headwater_link_missed_records_total", "Records that limits removed before the link carried them."),
    ("headwater_link_skipped_records_total", "Records that the link passed over for newer ones of their subjects."),
    ("headwater_link_lag_push_records", "Sequences of the local stream that the link has still to look at."),
    ("headwater_link_lag_pull_records", "Sequences of the hub's stream that the link has still to look at."),
    ("headwater_link_resets_total", "How often the hub's stream was another one than before."),
    ("headwater_link_failures_total", "How often the link failed and began anew."),
    (
        "headwater_replica_running",
        "1 while the replicated file is worked on, 0 while it is paused or something is wrong.",
    ),
    ("headwater_replica_pending", "Writes that were captured and are in no unit yet."),
    ("headwater_replica_unsent", "Units that are not in the log yet."),
    ("headwater_replica_published_total", "Units that were put into the log."),
    ("headwater_replica_applied_total", "Units of other nodes that were joined."),
    ("headwater_replica_changes_total", "Rows in the units of other nodes that were joined."),
    (
        "headwater_replica_conflicts",
        "Rows that are kept and not shown, as another one won or a constraint refuses them.",
    ),
    ("headwater_replica_parked", "Bundles of changes that wait for a table or column."),
    ("headwater_replica_held", "Units that wait, as their clock is too far ahead."),
    ("headwater_replica_missing", "Units of other nodes that did not come."),
    ("headwater_replica_lag_records", "Records of the log that were not read yet."),
    ("headwater_replica_lag_seconds", "How old the newest write of another node is, while the log has more."),
    ("headwater_presence_users", "Users who are not offline for others, by status."),
    ("headwater_presence_sessions", "Their sessions."),
    ("headwater_presence_spaces", "Spaces that somebody was in or is followed."),
    ("headwater_presence_answered", "Sessions that this node answers for."),
    ("headwater_presence_changes_total", "Changes of users since the store was opened."),
    ("headwater_presence_stale", "1 while other nodes can't be heard."),
    ("headwater_presence_refused_total", "Records of other nodes that could not be read."),
    ("headwater_grpc_connections", "Clients that are connected over gRPC."),
    ("headwater_grpc_calls_total", "Calls over gRPC since the door was opened."),
    ("headwater_grpc_failed_calls_total", "Calls over gRPC that were refused or ended with an error."),
    ("headwater_grpc_refused_total", "Connections that the gRPC door did not let in, by reason."),
    ("headwater_http_connections", "Clients that are connected over HTTP."),
    ("headwater_http_watchers", "Of them those that follow users."),
    ("headwater_http_requests_total", "Requests over HTTP since the door was opened."),
    ("headwater_http_refused_total", "Connections and requests that the HTTP door did not take, by reason."),
    ("headwater_entities_active", "Handlers of entities that are alive on this node."),
    ("headwater_entities_waiting", "Messages that wait for their turn."),
    ("headwater_entities_tasks", "Background tasks of handlers that are under way."),
    ("headwater_entities_handled_total", "Messages and timers that were handled."),
    ("headwater_entities_turns_total", "Turns that were handed out."),
    ("headwater_entities_starts_total", "Handlers that were made."),
    ("headwater_entities_failures_total", "Messages and starts whose handler answered an error."),
    ("headwater_entities_crashes_total", "How often a handler broke, or lost its lease."),
    ("headwater_entities_refused_total", "Messages that a full mailbox refused."),
    ("headwater_entities_late_total", "Requests whose deadline passed."),
    ("headwater_entities_dead_total", "Messages that were given up."),
    ("headwater_entities_busy_seconds_total", "How long turns were out, in all."),
    ("headwater_entities_sent_total", "Requests and notifications to other nodes."),
    ("headwater_entities_unreached_total", "Requests to other nodes that found nobody, or no answer in time."),
    ("headwater_entities_nodes", "Nodes of the cluster that are alive, as this node sees it."),
    ("headwater_entities_shards", "Shards that this node has."),
    ("headwater_entities_leased", "1 while this node may hand out turns, 0 while its lease is over."),
    ("headwater_events_saves_total", "Saves of events, without those that were refused or known."),
    ("headwater_events_saved_total", "Events that were saved."),
    ("headwater_events_conflicts_total", "Saves that were refused, as the aggregate or a condition was another."),
    ("headwater_events_repeats_total", "Saves that were known by their command, and saved nothing."),
    ("headwater_events_loads_total", "Loads of aggregates from the log."),
    ("headwater_events_loaded_total", "Events that loads gave."),
    ("headwater_events_snapshot_hits_total", "Loads that began with a snapshot."),
    ("headwater_events_snapshot_misses_total", "Loads that were to begin with a snapshot, and found none that fits."),
    ("headwater_events_snapshots_total", "Snapshots that were saved."),
    ("headwater_events_archived_total", "Events that were moved into the archive."),
    ("headwater_projection_events_total", "Events of a projection that came into effect."),
    ("headwater_projection_failures_total", "Events that could not be taken in, each time that they were tried."),
    ("headwater_projection_dead_total", "Events that became dead letters."),
    ("headwater_projection_position", "The sequence of the last event in effect, while the projection is open."),
    ("headwater_projection_lag", "How many events the store has behind that, while the projection is open."),
];

/// The names of labels.
pub(crate) const LABELS: [&str; 9] =
    ["stream", "link", "hub_stream", "reason", "database", "store", "status", "cluster", "projection"];
