// Package network lays networks such as people's homes have, for tests: machines
// with a network stack each, behind routers that translate addresses, on one
// street with the server.
//
//	street := network.Lay(t)
//	street.A.Router.NAT(network.Symmetric)
//	street.A.Router.Forward(network.NoUDP)
//	cmd := street.A.Device.Command("chromium", …)
//	street.A.Move()
//
// # Guarantees
//
//   - Every place is a network namespace of the kernel's: nothing in it reaches this
//     machine's own networks or the internet, and nothing of this machine is changed.
//   - What is laid is gone with the test, also when the test is killed: no namespace
//     has a name, and each lives as long as a process that dies with us.
//   - A test that needs what is not there (root, Linux, nft) is skipped in words;
//     under CI=true it fails.
//
// The same in plainer words: it is a street in a box.
//
// # Duties of callers
//
// Processes that were started in a place are the caller's to end before the test
// ends. Methods are called from the test's goroutine; Command and Dial from any.
package network
