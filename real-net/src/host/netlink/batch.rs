//! Many requests in one datagram.
//!
//! The kernel carries them out one after the other while `sendmsg` lasts, and goes on behind one that
//! it refuses. It answers refusals alone: silence is success.

use std::io;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST};

use super::{DATAGRAM_MAX, Netlink, RAW_HEADER, acknowledgement, messages};

/// Where in a header the sequence number is.
const SEQUENCE: usize = 8;

/// Requests that leave together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each of them begins.
    begins: Vec<usize>,
}

impl Batch {
    /// An address is to be added. `EEXIST` says that it is there already.
    pub(super) fn add(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        self.put(libc::RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
    }

    /// An address is to be as the message says, whether it is there or not.
    pub(super) fn replace(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        self.put(libc::RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body);
    }

    /// An address is to be removed. `EADDRNOTAVAIL` says that it isn't there.
    pub(super) fn remove(&mut self, body: impl FnOnce(&mut Vec<u8>)) {
        self.put(libc::RTM_DELADDR, 0, body);
    }

    /// What is in it, without sequence numbers.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn put(&mut self, kind: u16, flags: u16, body: impl FnOnce(&mut Vec<u8>)) {
        let bytes = &mut self.bytes;
        let begin = bytes.len();
        self.begins.push(begin);
        bytes.resize(begin + RAW_HEADER, 0);
        body(bytes);
        let length = u32::try_from(bytes.len() - begin).expect("one address is short");
        bytes[begin..begin + 4].copy_from_slice(&length.to_ne_bytes());
        bytes[begin + 4..begin + 6].copy_from_slice(&kind.to_ne_bytes());
        bytes[begin + 6..begin + SEQUENCE].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    }
}

impl Netlink {
    /// Has the kernel carry out all of them, in order, and empties the batch. What became of each,
    /// in the same order.
    pub(crate) fn carry_out(&mut self, batch: &mut Batch) -> Vec<io::Result<()>> {
        let count = batch.begins.len();
        let mut results: Vec<io::Result<()>> = (0..count).map(|_| Ok(())).collect();
        if count == 0 {
            return results;
        }
        let first = self.sequence.wrapping_add(1);
        for begin in batch.begins.drain(..) {
            self.sequence = self.sequence.wrapping_add(1);
            let at = begin + SEQUENCE;
            batch.bytes[at..at + 4].copy_from_slice(&self.sequence.to_ne_bytes());
        }
        let sent = self.socket.send(&batch.bytes, 0);
        batch.bytes.clear();
        if let Err(e) = sent {
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
