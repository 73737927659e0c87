//! A small tokenizer with ids: greedy, lossless, honest about merges.

mod pieces;
mod spelling;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pieces::{PIECES, SPECIAL};
pub(crate) use spelling::Spelling;

/// Number of special tokens and bytes, which come before the pieces.
const FIRST_BYTE: usize = SPECIAL.len();
const FIRST_PIECE: usize = FIRST_BYTE + 256;

/// The token that opens a user's turn.
const USER: u32 = 3;
/// The token that opens the model's turn.
pub(crate) const ASSISTANT: u32 = 4;
/// The token that opens the system's turn.
const SYSTEM: u32 = 5;
/// The token that ends a turn.
const END: u32 = 6;

/// What a prompt that comes as text gets before its first token. Prompts of ids never get any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bos {
    /// Nothing.
    Absent,
    /// One begin-of-text token.
    #[default]
    Once,
    /// Two, as where a template writes one and the server adds another.
    Doubled,
}

/// Which neighbours the vocabulary joins into one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merging {
    /// A space is a token of its own: "The answer is " is a prefix of "The answer is yes".
    Apart,
    /// A word takes the space before it and a line break the next, as with Gemma and byte-level BPE: "The
    /// answer is " is no prefix of "The answer is yes", "Answer:" is one of "Answer: yes".
    #[default]
    Spaces,
    /// A colon takes what follows too: not even "Answer:" is a prefix of "Answer: yes".
    Colons,
}

/// The simulator's tokenizer: greedy longest match over a fixed vocabulary of 7 special tokens, 256 bytes
/// and 307 pieces.
///
/// Every text comes back from its tokens: what no piece covers is spelled in bytes. Digits are tokens of
/// their own. The text of a special token, such as `<s>`, is read as that token, as real tokenizers do.
///
/// # Stability
///
/// Ids and the tokens of a text stay the same within a 0.x release.
///
/// # Examples
///
/// ```
/// use grace_sim::Tokenizer;
///
/// let tokenizer = Tokenizer::new();
/// let ids = tokenizer.encode(" It wasn't bad.");
/// assert_eq!(ids.len(), 5); // " It", " wasn", "'t", " bad", "."
/// assert_eq!(Tokenizer::decode(&ids), " It wasn't bad.");
/// assert_eq!(tokenizer.encode_prompt("yes")[0], Tokenizer::BOS);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokenizer {
    bos: Bos,
    merging: Merging,
}

impl Tokenizer {
    /// The token that begins a text.
    pub const BOS: u32 = 0;
    /// The token that ends a text.
    pub const EOS: u32 = 1;
    /// Number of tokens; ids are below it.
    pub const VOCABULARY: usize = FIRST_PIECE + PIECES.len();

    /// A tokenizer that gives prompts one begin-of-text token and merges spaces into words.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what prompts begin with. [`Bos::Once`] unless set.
    #[must_use]
    pub fn with_bos(mut self, bos: Bos) -> Self {
        self.bos = bos;
        self
    }

    /// Sets what is merged. [`Merging::Spaces`] unless set.
    #[must_use]
    pub fn with_merging(mut self, merging: Merging) -> Self {
        self.merging = merging;
        self
    }

    /// What prompts begin with.
    pub fn bos(self) -> Bos {
        self.bos
    }

    /// The tokens of a text, and no others: `add_special_tokens` false.
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        let mut rest = text.as_bytes();
        while let Some((&byte, _)) = rest.split_first() {
            let id = VOCABULARY.longest(rest, self.merging);
            let id = id.unwrap_or_else(|| token(FIRST_BYTE + usize::from(byte)));
            ids.push(id);
            rest = rest.get(VOCABULARY.bytes(id).len()..).unwrap_or_default();
        }
        ids
    }

    /// The tokens of a prompt, with what it begins with.
    pub fn encode_prompt(self, text: &str) -> Vec<u32> {
        let begin: &[u32] = match self.bos {
            Bos::Absent => &[],
            Bos::Once => &[Self::BOS],
            Bos::Doubled => &[Self::BOS, Self::BOS],
        };
        [begin, &self.encode(text)].concat()
    }

    /// The tokens of a conversation, by role and text, in the chat template of this model; `prompting` opens
    /// the model's turn at its end.
    pub(crate) fn encode_chat(self, turns: &[(String, String)], prompting: bool) -> Vec<u32> {
        let mut ids = Vec::new();
        for (role, text) in turns {
            ids.push(match role.as_str() {
                "assistant" => ASSISTANT,
                "system" | "developer" => SYSTEM,
                _ => USER,
            });
            ids.extend(self.encode(text));
            ids.push(END);
        }
        ids.extend(prompting.then_some(ASSISTANT));
        ids
    }

    /// The text of tokens, special ones by their names; U+FFFD stands where the bytes are no UTF-8, and for
    /// ids that are no token.
    pub fn decode(ids: &[u32]) -> String {
        let mut bytes = Vec::new();
        for &id in ids {
            bytes.extend_from_slice(Self::bytes(id).unwrap_or("\u{fffd}".as_bytes()));
        }
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The bytes that a token stands for; none for an id that is no token.
    pub fn bytes(id: u32) -> Option<&'static [u8]> {
        ((id as usize) < Self::VOCABULARY).then(|| VOCABULARY.bytes(id))
    }

    /// Whether a token marks something instead of standing for text.
    pub(crate) fn is_special(id: u32) -> bool {
        (id as usize) < FIRST_BYTE
    }

    /// A token as vLLM's `token_strs` writes it: a character for each byte, "Ġ" for a space.
    pub(crate) fn token_str(id: u32) -> String {
        let bytes = Self::bytes(id).unwrap_or_default();
        if Self::is_special(id) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        bytes.iter().map(|&byte| printable(byte)).collect()
    }
}

/// Byte-level BPE's character for a byte: itself where it prints, else the next free one from U+0100 on.
fn printable(byte: u8) -> char {
    let prints = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..);
    if prints(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|&other| !prints(other)).count();
    u32::try_from(0x100 + place)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// An id as it goes over the wire. The vocabulary has some hundreds of tokens.
fn token(index: usize) -> u32 {
    u32::try_from(index).unwrap_or_default()
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::new);

/// All tokens, and the longer ones by how they begin.
struct Vocabulary {
    tokens: Vec<Vec<u8>>,
    /// Tokens of two bytes or more by their first two, longest first.
    by_start: BTreeMap<[u8; 2], Vec<(u32, Merging)>>,
}

impl Vocabulary {
    fn new() -> Self {
        let specials = SPECIAL.iter().map(|text| text.as_bytes().to_vec());
        let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
        let pieces = PIECES.iter().map(|text| text.as_bytes().to_vec());
        let tokens: Vec<Vec<u8>> = specials.chain(bytes).chain(pieces).collect();
        let mut by_start = BTreeMap::<[u8; 2], Vec<(u32, Merging)>>::new();
        for (index, bytes) in tokens.iter().enumerate() {
            if let [first, second, ..] = bytes[..] {
                let entry = (token(index), merging_of(bytes));
                by_start.entry([first, second]).or_default().push(entry);
            }
        }
        for ids in by_start.values_mut() {
            ids.sort_by_key(|&(id, _)| std::cmp::Reverse(tokens[id as usize].len()));
        }
        Self { tokens, by_start }
    }

    fn bytes(&self, id: u32) -> &[u8] {
        self.tokens.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The longest token of two bytes or more that `text` begins with.
    fn longest(&self, text: &[u8], merging: Merging) -> Option<u32> {
        let start = [*text.first()?, *text.get(1)?];
        let candidates = self.by_start.get(&start)?.iter();
        candidates
            .filter(|(_, needs)| *needs as u8 <= merging as u8)
            .map(|&(id, _)| id)
            .find(|&id| text.starts_with(self.bytes(id)))
    }
}

/// How much merging a token needs to be in use.
fn merging_of(bytes: &[u8]) -> Merging {
    match bytes {
        [b':', ..] => Merging::Colons,
        [b' ' | b'\n', ..] => Merging::Spaces,
        _ => Merging::Apart,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Merging; 3] = [Merging::Apart, Merging::Spaces, Merging::Colons];

    fn pieces(merging: Merging, text: &str) -> Vec<String> {
        let ids = Tokenizer::new().with_merging(merging).encode(text);
        ids.into_iter().map(|id| Tokenizer::decode(&[id])).collect()
    }

    /// Recorded results name ids. Add to them, never change them.
    #[test]
    fn value_stability_of_ids() {
        let ids = Tokenizer::new().encode_prompt("The answer is 10%: yes\n\nIt wasn't caf\u{e9}.");
        assert_eq!(
            ids,
            [
                0, 287, 289, 290, 39, 56, 55, 44, 65, 263, 308, 278, 268, 269, 39, 106, 104, 109,
                202, 176, 53
            ]
        );
    }

    #[test]
    fn options_are_cut_as_real_tokenizers_cut_them() {
        assert_eq!(
            pieces(Merging::Spaces, " It wasn't terrible."),
            [" It", " wasn", "'t", " terrible", "."]
        );
        assert_eq!(pieces(Merging::Spaces, " 100%"), [" ", "1", "0", "0", "%"]);
        assert_eq!(pieces(Merging::Apart, " yes"), [" ", "yes"]);
        assert_eq!(pieces(Merging::Colons, "Answer: yes"), ["Answer", ": yes"]);
        assert_eq!(
            pieces(Merging::Colons, "Answer: 10%"),
            ["Answer", ": ", "1", "0", "%"]
        );
    }

    #[test]
    fn a_border_is_clean_or_not_as_the_merging_says() {
        let clean = |merging, prompt: &str, option: &str| {
            let tokenizer = Tokenizer::new().with_merging(merging);
            let joint = tokenizer.encode(&format!("{prompt}{option}"));
            joint.starts_with(&tokenizer.encode(prompt))
        };
        let table = [
            ("The answer is ", "yes"),
            ("Answer:\n", "\nYes"),
            ("Answer:", " yes"),
        ];
        let cleans =
            ALL.map(|merging| table.map(|(prompt, option)| clean(merging, prompt, option)));
        assert_eq!(
            cleans,
            [[true; 3], [false, false, true], [false, false, false]]
        );
    }

    #[test]
    fn a_prompt_begins_as_it_is_told() {
        let begin = |bos| Tokenizer::new().with_bos(bos).encode_prompt("yes").len();
        assert_eq!([Bos::Absent, Bos::Once, Bos::Doubled].map(begin), [1, 2, 3]);
    }

    #[test]
    fn token_strings_are_those_of_byte_level_bpe() {
        let strs: Vec<String> = Tokenizer::new()
            .encode(" is\n\u{a0}")
            .into_iter()
            .map(Tokenizer::token_str)
            .collect();
        assert_eq!(strs, ["\u{120}is", "\u{10a}", "\u{c2}", "\u{142}"]);
    }

    #[test]
    fn no_piece_is_there_twice() {
        let mut tokens = VOCABULARY.tokens.clone();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), Tokenizer::VOCABULARY);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "([ \n:]|yes|It|wasn't|<s>|\\PC){0,40}") {
            for merging in ALL {
                let tokenizer = Tokenizer::new().with_merging(merging);
                prop_assert_eq!(Tokenizer::decode(&tokenizer.encode(&text)), text.as_str());
            }
        }
    }
}
