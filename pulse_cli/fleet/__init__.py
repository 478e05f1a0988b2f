"""The fleet: one run of `pulse index` carried out by many processes, on RQ and Redis.

What this folder guarantees: whatever dies, index, dead letters and counts are those of one process.

**Shards.** The coordinator fixes the inputs of the run (the manifest) and cuts them into shards of
about 32 MB, in source order (`read.pieces`). A piece is a byte range of a JSON Lines file, cut
behind a newline, or a whole input: one that is compressed, that is one JSON value, or that is
small. Pipes cannot be read by several processes and are refused.

**Scan.** A `scan` job reads a shard and embeds nothing. It gives the hash (8 bytes) of the page
key of each document in order, the CRC-32 and the number of lines of each piece, the notes, and
what `--prune` must know (`fleet.scan`). From all scans together the coordinator learns the total
and the **shared pages**: those with documents in more than one shard (`fleet.shared_pages`).

**Index.** An `index` job is an ordinary run of the engine over a shard, under the run id of all,
without the documents of shared pages. When all shards are done, further `index` jobs carry the
shared pages alone, all versions of one page in one job and in source order. So no two jobs that
run at the same time write one page, and each page sees its versions in the order in which one
process would have written them. Hence index, dead letters and counts are those of one process:
an earlier version also gets its dead letter, and stays if a later one turns out dead. To leave
out all but the last version would be cheaper for pages that occur often, but would lose the page
where the last version is dead, and two pages where 8 bytes of hash are equal; here equal hashes
cost only that both pages wait for the end.

**Parts.** Documents that a tool had cut into parts are put together across records
(`read.joining`). A range that begins within such a stretch would read otherwise, so a run whose
scan meets a part is indexed as one shard.

**Begun again.** A job holds no state that is needed later. Begun again, it looks up its pages and
finds what is whole under its run id, so it costs reading and no embedding. Its result (counts,
dead letters, stages) is one value. The coordinator keeps each result in the state folder when it
comes, and merges them in source order. Its checkpoint is that of an ordinary run at position 0
of the same run id: the same command goes on, with or without workers.

**Who may write** (`fleet.lease`). A job that was taken from a worker may still run there (a frozen
process that wakes up). Every write of a job is preceded by a look at the clock: the right to write
ends with the last heartbeat that Redis has confirmed, before the job is given to another. What such
a worker had under way when it froze can arrive late; it has the ids and the content of what its
successor writes, and a page left uncommitted by it is written anew by the next run.

**Workers** (`fleet.queue_worker`): RQ's SimpleWorker with services opened once, in one event loop.
The job names one of the kinds known here; nothing that is named in Redis is imported or called, and
values are JSON. A worker with another version of pulse, or with other settings of what is written,
refuses the job and says so. Queues `high`, `default`, `low`.

**Redis** (`fleet.board`): `--workers N` starts the Valkey of the wheel on a Unix socket and N
workers; `--queue` names a server. While it is away, coordinator and workers wait. Jobs and results
that it lost are made again.
"""
