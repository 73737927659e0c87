//! The vocabulary: special tokens, bytes, pieces of text.

/// Tokens that stand for no text of their own, by id.
pub(super) const SPECIAL: [&str; 7] = [
    "<s>",
    "</s>",
    "<pad>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
];

/// Pieces of more than one byte. Their number is prime: see `model::babble`.
#[rustfmt::skip]
pub(super) const PIECES: [&str; 307] = [
    " yes", " no", " It", " it", " was", " wasn", "'t", " terrible", " bad", " good", " amazing",
    "yes", "no", "Yes", "No", "It", "was", "wasn", "terrible", "bad", "good", "amazing", " Yes",
    " No", "The", " The", " answer", " is", "Answer", " Answer", "Question", "Reply", "Read",
    " the", " a", " of", " how", " many", "How", " number", " percentage", " probability",
    " exactly", " knows", " know", "\n\n", ": ", ": yes", ": no", ": It", " would", " say",
    " feel", " wanted", "BOTH", " accurate", " informative", " heart", " hearts", " one", "ing",
    "ed", "er", "es", "ly", "tion", "th", "an", "in", "on", "re", "en", "st", "or", "at", "ou",
    "and", "is", "of", "to", " every", " old", " small", " grey", " quiet", " early", " bright",
    " river", " house", " letter", " garden", " winter", " bird", " story", " road", " window",
    " table", " turns", " waits", " keeps", " finds", " leaves", " opens", " follows", " carries",
    " holds", " under", " behind", " before", " without", " near", " over", " and", " but",
    " then", " slowly", " again", " almost", " here", " never", " twice", " alone", " today",
    " you", " who", " has", " met", " asked", " my", " that", " should", " to", " all", " on",
    " what", " things", " in", " first", " where", " be", " above", " rather", " than", " stand",
    " did", " do", " me", " for", " about", " cared", " only", " being", " have", " at", " like",
    " guess", " message", " label", " okay", " lecture", " soup", " bread", " jingle", " episode",
    " trick", " vase", " mural", " club", " website", " essay", " costume", " eggs", " always",
    " lamps", " sends", " checked", " this", " bells", " crates", " jars", " maps", " from",
    " morning", " put", " scratch", " base", " misprinted", " tight", " ferry", " read", " carry",
    " both", " show", " given", " gave", " guest", " sat", " audience", " think", " spent",
    " afternoon", " cooking", " had", " bowl", " written", " short", " years", " train", " make",
    " baked", " loaf", " time", " tried", " slice", " made", " up", " radio", " heard", " air",
    " podcast", " online", " listened", " shown", " magic", " birthday", " party", " watched",
    " row", " thrown", " potter", " wheel", " turned", " round", " hands", " painted", " wall",
    " youth", " walked", " past", " find", " built", " football", " clicked", " through", " page",
    " handed", " an", " bees", " copy", " your", " view", " sewn", " carnival", " saw",
    " rehearsal", " cracked", " sealed", " hatched", " with", " state", " columns", " frost",
    " night", " filled", " shop", " ago", " survey", " wasnt", " value", " column", " id", " kind",
    " prompt", " speach", " study", " entropy", " somebody", " last", " end", " or", " prob",
    " question", " series", " left", " repair", " stall", " cast", " foundry", " crack", " came",
    " were", " still", " out", " yard", " groves", " lorry", " just", " brought", " market",
    " hall", " works", " farm", " seal", " overnight", " owns", " plum", " jam",
];
