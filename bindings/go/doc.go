// Package headwater keeps durable, subject-addressed streams in your own process, with the JetStream contract on
// local files: conditional and idempotent appends, atomic batches, last-by-subject reads, subscriptions without a
// seam, durable consumers, key-value buckets and typed points. It is not a server, a consensus protocol or an SQL
// database.
//
//	engine, err := headwater.Open(ctx, "data")
//	orders, err := engine.CreateStream(ctx, headwater.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}})
//	ack, err := orders.Append(ctx, "orders.eu.1", []byte(`{"n":1}`), headwater.ExpectSubjectLastSeq(0))
//	for record, err := range subscription.Records(ctx) { ... }
//
// # Contexts
//
// Every call that can wait takes a context first and ends with it: the error is [ErrTimeout] and the context's own
// error at once. What was begun may still complete, but a copy, a check, an import or an export is stopped, and its
// call returns when that has happened. Waits cost a goroutine and no OS thread.
//
// # Errors
//
// Every error is an [*Error]; the codes, such as [ErrConflict], are what [errors.Is] takes. What was asked for by
// name, sequence or subject and is not there is [ErrNotFound], also a single record or key.
//
// # Goroutines and handles
//
// Every type here with a Close method may be used by many goroutines at once, Close included. Closing twice is
// nothing, and a use after Close is [ErrClosed]. Closing the engine closes everything that was opened from it. A
// handle that becomes unreachable is given up by the garbage collector, but an engine should be closed: that is
// what reports a failed last sync.
package headwater
