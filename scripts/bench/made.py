"""Models and texts of the benchmarks: shapes of models that validators use, with random weights, as the real ones cannot be
fetched without a network. MiniLM has its real weights, and all of them its tokenizer."""

import json, os, sys

import torch
import transformers as tf
from tokenizers import Tokenizer

WORDS = """the river rises in hills and passes three towns with a mill before it reaches sea after ninety miles salmon were
once common there until weir stopped them ladder opened last year lets anglers count fish each autumn report says that
water quality has improved because farms use less fertiliser council plans new bridge school library train station market
people of valley are glad about return wildlife otters herons kingfishers seen near old quarry where children learn to
swim summer winter storms bring floods which engineers try hold back walls gates pumps money comes from state and donors""".split()
END = "<|endoftext|>"
# MiniLM's word pieces, and one more for models that end a text with a token of their own.
PIECES, END_ID = 30522, 30522


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def tokenizer_of(folder):
    tok = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tok.no_padding()
    tok.no_truncation()
    return tok


class Models:
    def __init__(self, cache):
        self.minilm = os.path.join(cache, "models", "all-minilm-l6-v2")
        self.folder = os.path.join(cache, "bench-models")

    def made(self, name, build, extra=None, causal=False):
        """The folder of a model, made if it is not there. `extra` gives tensors beside those of the class; `causal` leaves
        the tokens of a BERT around a text away and adds one that ends it."""
        folder = os.path.join(self.folder, name)
        if not os.path.exists(os.path.join(folder, "tokenizer.json")):
            print(f"making {name} …", file=sys.stderr)
            torch.manual_seed(7)
            os.makedirs(folder, exist_ok=True)
            model = build().eval()
            if extra:
                from safetensors.torch import save_file
                tensors = {f"transformer.{key}": value.contiguous() for key, value in model.state_dict().items()}
                save_file(dict(tensors, **extra(model)), os.path.join(folder, "model.safetensors"))
                model.config.save_pretrained(folder)
            else:
                model.save_pretrained(folder)
            # Newer versions of transformers nest these; older ones and we read them here.
            path = os.path.join(folder, "config.json")
            config = json.load(open(path))
            rope = config.get("rope_parameters")
            if rope and "rope_theta" not in config:
                config["rope_theta"] = rope.get("rope_theta", 10000.0)
            json.dump(config, open(path, "w"), indent=1)
            path = os.path.join(folder, "tokenizer.json")
            tokenizer_of(self.minilm).save(path)
            if causal:
                tok = json.load(open(path))
                tok["post_processor"] = None
                tok["added_tokens"].append(dict(id=END_ID, content=END, single_word=False, lstrip=False, rstrip=False,
                                                normalized=False, special=True))
                json.dump(tok, open(path, "w"))
                # Generating models are asked in the form of a chat; here a message is all there is.
                with open(os.path.join(folder, "chat_template.jinja"), "w") as template:
                    template.write("{% for m in messages %}{{ m.content }}{% endfor %}")
        return folder


# ---------------------------------------------------------------- shapes of models that are in use
def deberta():
    return tf.DebertaV2ForSequenceClassification(tf.DebertaV2Config(
        vocab_size=30522, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=512, type_vocab_size=0, relative_attention=True, max_relative_positions=-1,
        position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
        position_biased_input=False, layer_norm_eps=1e-7, pooler_hidden_act="gelu", pooler_hidden_size=768,
        pooler_dropout=0.0, num_labels=1, pad_token_id=0, initializer_range=0.05))


def roberta():
    return tf.RobertaForSequenceClassification(tf.RobertaConfig(
        vocab_size=30522, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, num_labels=2, layer_norm_eps=1e-5,
        initializer_range=0.05))


def llama():
    return tf.LlamaForCausalLM(tf.LlamaConfig(
        vocab_size=30522, hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        intermediate_size=1536, max_position_embeddings=2048, rms_norm_eps=1e-5, tie_word_embeddings=True,
        initializer_range=0.05))


# ---------------------------------------------------------------- small ones: four layers, 256 wide
SMALL = dict(hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024, initializer_range=0.05)


def small_deberta():
    return tf.DebertaV2ForSequenceClassification(tf.DebertaV2Config(
        vocab_size=PIECES, max_position_embeddings=512, type_vocab_size=0, relative_attention=True,
        max_relative_positions=-1, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, layer_norm_eps=1e-7, pooler_hidden_act="gelu",
        pooler_hidden_size=256, pooler_dropout=0.0, num_labels=1, pad_token_id=0, **SMALL))


def small_roberta():
    return tf.RobertaForSequenceClassification(tf.RobertaConfig(
        vocab_size=PIECES, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, num_labels=2,
        layer_norm_eps=1e-5, **SMALL))


def small_bert():
    return tf.BertModel(tf.BertConfig(vocab_size=PIECES, max_position_embeddings=512, **SMALL))


def small_llama():
    return tf.LlamaForCausalLM(tf.LlamaConfig(
        vocab_size=PIECES + 1, num_key_value_heads=2, max_position_embeddings=4096, rms_norm_eps=1e-5,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=END_ID, **SMALL))


def small_marker():
    """A language model that likes to write numbers, so that marks differ."""
    model = small_llama()
    with torch.no_grad():
        digits = torch.arange(1014, 1024)  # 0 to 9 in MiniLM's vocabulary
        model.lm_head.weight[digits] *= 8
        for parameter in model.model.layers.parameters():
            if parameter.dim() == 2:
                parameter *= 4  # what came before matters more than the last word
    return model


def small_qwen3():
    return tf.Qwen3ForSequenceClassification(tf.Qwen3Config(
        vocab_size=PIECES + 1, num_key_value_heads=2, head_dim=64, max_position_embeddings=2048, num_labels=1,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=END_ID, pad_token_id=None, **SMALL))


def small_gptj():
    return tf.GPTJModel(tf.GPTJConfig(
        vocab_size=PIECES + 1, n_positions=1024, n_embd=256, n_layer=4, n_head=4, rotary_dim=32, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=END_ID, eos_token_id=END_ID, initializer_range=0.05))


def value_head(_):
    return {"v_head.weight": torch.randn(1, 256, generator=torch.Generator().manual_seed(12)) / 16}
