package datagram

func refuseSegments(s *Socket, refuse bool) { s.many.single = refuse }
