//! Recorded packets: reading and writing pcap files.
