"""Asks small random models of every architecture in torch and in our scoring, and compares."""

import json, os, random, subprocess, sys, tempfile

import numpy as np
import torch
import transformers as tf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

tf.logging.set_verbosity_error()
tf.logging.disable_progress_bar()
torch.set_num_threads(1)
TOLERANCE = 1e-4
WORDS = """the river rises in hills and passes three towns with a mill before it reaches sea after ninety miles salmon were
once common there until weir stopped them""".split()
VOCABULARY = 200
COMMON = dict(vocab_size=VOCABULARY, initializer_range=0.2)
SHAPE = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128)
LONG = dict(max_position_embeddings=1026)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=128, rope_theta=10000.0)

CASES = {
    "bert": ("embed", tf.BertModel, tf.BertConfig(**COMMON, **SHAPE, **LONG)),
    "roberta": ("classify", tf.RobertaForSequenceClassification,
                tf.RobertaConfig(**COMMON, **SHAPE, **LONG, pad_token_id=1, num_labels=3, type_vocab_size=1)),
    "mpnet": ("embed", tf.MPNetModel, tf.MPNetConfig(**COMMON, **SHAPE, **LONG)),
    "distilbert": ("classify", tf.DistilBertForSequenceClassification,
                   tf.DistilBertConfig(**COMMON, **LONG, dim=64, n_layers=2, n_heads=4, hidden_dim=128, num_labels=2)),
    "deberta-v3": ("classify", tf.DebertaV2ForSequenceClassification, tf.DebertaV2Config(
        **COMMON, **SHAPE, max_position_embeddings=512, type_vocab_size=0, relative_attention=True, position_buckets=64,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
        pooler_hidden_size=64, pooler_dropout=0.0, num_labels=1, pad_token_id=0)),
    "deberta-v2": ("classify", tf.DebertaV2ForSequenceClassification, tf.DebertaV2Config(
        **COMMON, **SHAPE, **LONG, type_vocab_size=2, relative_attention=True, position_buckets=64,
        norm_rel_ebd="none", share_att_key=False, pos_att_type=["c2p", "p2c"], position_biased_input=True,
        pooler_hidden_size=64, pooler_dropout=0.0, num_labels=2, pad_token_id=0)),
    "modernbert": ("classify", tf.ModernBertForSequenceClassification,
                   tf.ModernBertConfig(**COMMON, **SHAPE, **LONG, num_labels=2, pad_token_id=0, bos_token_id=2,
                                       eos_token_id=3, cls_token_id=2, sep_token_id=3, classifier_pooling="cls")),
    "gptj": ("classify", tf.GPTJForSequenceClassification,
             tf.GPTJConfig(**COMMON, n_embd=64, n_layer=2, n_head=4, rotary_dim=8, n_positions=1024, num_labels=1, pad_token_id=0)),
    "gpt-neo": ("embed", tf.GPTNeoModel, tf.GPTNeoConfig(
        **COMMON, **LONG, hidden_size=64, num_layers=4, attention_types=[[["global", "local"], 2]], num_heads=4, window_size=100)),
    "llama3": ("classify", tf.LlamaForSequenceClassification, tf.LlamaConfig(
        **COMMON, **SHAPE, **LONG, num_key_value_heads=1, num_labels=1, pad_token_id=0, rope_parameters=LLAMA3)),
    "mistral": ("classify", tf.MistralForSequenceClassification, tf.MistralConfig(
        **COMMON, **SHAPE, **LONG, num_key_value_heads=2, num_labels=1, pad_token_id=0, sliding_window=50)),
    "qwen2": ("classify", tf.Qwen2ForSequenceClassification,
              tf.Qwen2Config(**COMMON, **SHAPE, **LONG, num_key_value_heads=2, num_labels=2, pad_token_id=0)),
    "qwen3": ("classify", tf.Qwen3ForSequenceClassification, tf.Qwen3Config(
        **COMMON, **SHAPE, **LONG, num_key_value_heads=2, head_dim=24, num_labels=1, pad_token_id=0,
        rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
}


def tokenizer():
    vocabulary = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    tok = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<unk>"))
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1",
                                                       special_tokens=[("<s>", 1), ("</s>", 2)])
    return tok


def random_model(cls, config):
    torch.manual_seed(3)
    config._attn_implementation = "eager"
    model = cls(config).eval()
    with torch.no_grad():  # biases and norms away from where they start, so that a forgotten one shows
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def main():
    tok, worst, failed = tokenizer(), 0.0, []
    tok.no_padding()
    # RoBERTa's pad token is 1 and would count as padding there: its texts are to have none.
    plain = tokenizer()
    plain.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    with tempfile.TemporaryDirectory() as scratch:
        ours = subprocess.Popen([sys.argv[1], "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, (kind, cls, config) in CASES.items():
            if len(sys.argv) > 2 and sys.argv[2] not in name:
                continue
            own = plain if name in ("roberta", "mpnet") else tok
            folder = os.path.join(scratch, name)
            model = random_model(cls, config)
            model.save_pretrained(folder)
            own.save(os.path.join(folder, "tokenizer.json"))
            rng = random.Random(5)
            texts = [" ".join(rng.choice(WORDS) for _ in range(count)) for count in (3, 90, 130, 300, 700)]
            expected = []
            for text in texts:
                with torch.no_grad():
                    out = model(input_ids=torch.tensor([own.encode(text).ids]))
                if kind == "classify":
                    expected.append(out.logits[0].numpy())
                else:
                    mean = out.last_hidden_state[0].mean(0)
                    expected.append((mean / mean.norm()).numpy())
            print(json.dumps(dict(kind=kind, folder=folder, inputs=texts)), file=ours.stdin, flush=True)
            line = ours.stdout.readline()
            if not line:
                raise SystemExit(f"{name}: our side ended")
            found = json.loads(line)["results"]
            difference = max(float(np.abs(np.asarray(row) - wanted).max()) for row, wanted in zip(found, expected, strict=True))
            worst = max(worst, difference)
            if not difference <= TOLERANCE:
                failed.append(name)
            print(f"{name}: largest difference {difference:.1e} over {len(texts)} texts of up to 700 words", flush=True)
        ours.stdin.close()
    print(f"transformers {tf.__version__}, torch {torch.__version__}: largest difference {worst:.1e}" + (f"; WRONG: {failed}" if failed else ""))
    if failed:
        raise SystemExit(1)


main()
