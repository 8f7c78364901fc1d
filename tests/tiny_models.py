"""Language models small enough to be made in a test, in the format of Hugging Face."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
)

END, UNKNOWN = "<end>", "<unk>"


def tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """A token per word between spaces."""
    vocabulary = {one: place for place, one in enumerate(dict.fromkeys([END, UNKNOWN, *words]))}
    made = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    made.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made, eos_token=END
    )


def drawn(
    folder: Path,
    words: Sequence[str],
    *,
    length: int = 64,
    template: str = "",
    layers: int = 2,
    width: int = 32,
    heads: int = 1,
) -> Path:
    """A model whose weights are drawn by a fixed seed: every token before one matters."""
    torch.manual_seed(1)
    known = tokenizer(words)
    model = GPT2LMHeadModel(_config(len(known), length, layers, width, heads))
    for name, parameter in model.named_parameters():
        if ".ln_" not in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return _saved(folder, model, known, template)


def chain(folder: Path, after: Mapping[str, str], *, length: int = 4096) -> Path:
    """A model that follows each word by the one given for it, and any other by the end."""
    known = tokenizer([*after, *after.values()])
    size = len(known)
    model = GPT2LMHeadModel(_config(size, length, layers=0, width=size))
    nexts = torch.zeros(size, size)
    for word in range(size):
        follower = after.get(str(known.convert_ids_to_tokens(word)), END)
        nexts[int(str(known.convert_tokens_to_ids(follower))), word] = 50.0
    with torch.no_grad():
        model.transformer.wte.weight.copy_(torch.eye(size))
        model.transformer.wpe.weight.zero_()
        model.lm_head.weight.copy_(nexts)
    return _saved(folder, model, known, "")


def _config(size: int, length: int, layers: int, width: int, heads: int = 1) -> GPT2Config:
    return GPT2Config(
        vocab_size=size,
        n_positions=length,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )


def _saved(
    folder: Path, model: GPT2LMHeadModel, known: PreTrainedTokenizerFast, template: str
) -> Path:
    if template:
        known.chat_template = template
    model.save_pretrained(folder)
    known.save_pretrained(folder)
    return folder


def classifier(
    folder: Path, words: Sequence[str], labels: Sequence[str], *, length: int = 16
) -> Path:
    """A classifier with drawn weights: which words stand where decides."""
    torch.manual_seed(3)
    known = tokenizer(words)
    known.pad_token = END
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(known),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=length,
            id2label=dict(enumerate(labels)),
            label2id={label: place for place, label in enumerate(labels)},
        )
    )
    torch.nn.init.normal_(model.classifier.weight, std=2.0)
    model.save_pretrained(folder)
    known.save_pretrained(folder)
    return folder
