//! Many requests in one datagram.
//!
//! The kernel carries them out one after the other while `sendmsg` lasts, and goes on behind one that
//! it refuses. It answers refusals alone: silence is success.

use std::io;

use netlink_packet_core::{
    NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;

use super::{DATAGRAM_MAX, Netlink, acknowledgement, messages};

/// Requests that leave together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    requests: Vec<(RouteNetlinkMessage, u16)>,
}

impl Batch {
    /// An address is to be added. `EEXIST` says that it is there already.
    pub(super) fn add(&mut self, message: AddressMessage) {
        let message = RouteNetlinkMessage::NewAddress(message);
        self.requests.push((message, NLM_F_CREATE | NLM_F_EXCL));
    }

    /// An address is to be as the message says, whether it is there or not.
    pub(super) fn replace(&mut self, message: AddressMessage) {
        let message = RouteNetlinkMessage::NewAddress(message);
        self.requests.push((message, NLM_F_CREATE | NLM_F_REPLACE));
    }

    /// An address is to be removed. `EADDRNOTAVAIL` says that it isn't there.
    pub(super) fn remove(&mut self, message: AddressMessage) {
        let message = RouteNetlinkMessage::DelAddress(message);
        self.requests.push((message, 0));
    }
}

impl Netlink {
    /// Has the kernel carry out all of them, in order, and empties the batch. What became of each,
    /// in the same order.
    pub(crate) fn carry_out(&mut self, batch: &mut Batch) -> Vec<io::Result<()>> {
        let count = batch.requests.len();
        let mut results: Vec<io::Result<()>> = (0..count).map(|_| Ok(())).collect();
        if count == 0 {
            return results;
        }
        batch.bytes.clear();
        let first = self.sequence.wrapping_add(1);
        for (message, flags) in batch.requests.drain(..) {
            self.sequence = self.sequence.wrapping_add(1);
            append(&mut batch.bytes, message, flags, self.sequence);
        }
        if let Err(e) = self.socket.send(&batch.bytes, 0) {
            // The datagram as a whole: none of them was carried out.
            let code = e.raw_os_error().unwrap_or(libc::EIO);
            results.fill_with(|| Err(io::Error::from_raw_os_error(code)));
            return results;
        }
        if let Err(e) = self.read_refusals(first, &mut results) {
            // Which of them were refused isn't known any more; what matters is noticed by itself.
            tracing::warn!("the kernel's answers are lost: {e}");
        }
        results
    }

    /// Reads what lies in the queue when `send` is back.
    fn read_refusals(&mut self, first: u32, results: &mut [io::Result<()>]) -> io::Result<()> {
        let mut answers = std::mem::take(&mut self.answers);
        answers.reserve(DATAGRAM_MAX);
        let outcome = loop {
            match self.receive(&mut answers) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(e) => break Err(e),
            }
            for message in messages(&answers) {
                let at = message.sequence_number().wrapping_sub(first) as usize;
                let error = i32::from(message.message_type()) == libc::NLMSG_ERROR;
                if let (true, Some(result)) = (error, results.get_mut(at)) {
                    *result = acknowledgement(message.payload());
                }
            }
        };
        self.answers = answers;
        outcome
    }
}

fn append(bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let start = bytes.len().next_multiple_of(4);
    bytes.resize(start + message.buffer_len(), 0);
    message.serialize(&mut bytes[start..]);
}
