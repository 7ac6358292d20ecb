// Package datagram reads and writes many UDP packets with one system call each.
//
//	s := datagram.New(conn)
//	n, err := s.ReadPackets(packets) // what lies there; waits for one
//	err = s.WritePackets(packets[:n])
//
// On Linux a read takes up to Most packets (recvmmsg), and a write hands over as
// many (sendmmsg); those of a write that go to one address, one after the other and
// equally long, pass through the system as one large packet that is cut up at its
// end (UDP_SEGMENT), where the system can. Elsewhere, each packet is a call of its
// own: the same, dearer.
//
// # Guarantees
//
//   - Packets to one address leave in the order in which they were given. Those to
//     different addresses may overtake each other.
//   - Nothing waits for more packets to come: a read returns with what is there.
//   - Reading and writing make no memory for a packet. (An address of one link, in
//     IPv6, has a zone, and may.)
//   - What can't be sent to one address keeps nothing from the others.
//
// In plainer words: it empties the letter box at one go instead of walking to it
// once for each letter.
package datagram
