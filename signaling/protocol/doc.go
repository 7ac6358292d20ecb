// Package protocol is the wire protocol belay.1: the messages between a screen
// and the server over one WebSocket connection. It is a leaf: it imports nothing
// of ours, and the edge, the relay and the rehearsal share it.
//
// PROTOCOL.md says how a connection runs, for somebody who writes a client in
// another language; schema/ holds one JSON Schema per message. Both are written
// from the types and tables of this package by
//
//	go test ./signaling -run TestTheProtocolIsWrittenDown -update
//
// and a test fails when they no longer fit.
//
// # Guarantees
//
//   - [Decode] accepts exactly what a screen may send: one JSON object in valid
//     UTF-8, of a known type, without unknown fields and with every value in its
//     range. Whatever else comes is an [*Error], never a panic.
//   - [DecodeFromServer] accepts what this and newer servers send: unknown fields
//     are ignored, an unknown type is reported as such and may be skipped.
//   - Within a version fields may be added to what the server sends, never to
//     what a screen must send; no field changes its meaning.
package protocol
