"""nn.Transformer learns to reverse sequences: masks, teacher forcing, label smoothing, warm-up."""

import argparse
import json
import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

PAD, BOS, EOS = 0, 1, 2


class PositionalEncoding(nn.Module):
    """Sine and cosine positions of "Attention Is All You Need", section 3.5."""

    def __init__(self, d_model, dropout=0.1, max_len=64):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[:, : x.size(1)])


class Seq2SeqTransformer(nn.Module):
    """Token embeddings, positions, nn.Transformer and a generator."""

    def __init__(self, vocab_size, d_model=32, nhead=4, num_layers=2, dim_feedforward=64):
        super().__init__()
        self.d_model = d_model
        self.src_embedding = nn.Embedding(vocab_size, d_model, padding_idx=PAD)
        self.tgt_embedding = nn.Embedding(vocab_size, d_model, padding_idx=PAD)
        self.positional_encoding = PositionalEncoding(d_model)
        self.transformer = nn.Transformer(
            d_model=d_model,
            nhead=nhead,
            num_encoder_layers=num_layers,
            num_decoder_layers=num_layers,
            dim_feedforward=dim_feedforward,
            dropout=0.1,
            batch_first=True,
        )
        self.generator = nn.Linear(d_model, vocab_size)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, src, tgt):
        tgt_mask = nn.Transformer.generate_square_subsequent_mask(tgt.size(1), device=tgt.device)
        src_padding_mask = torch.zeros(src.shape, device=src.device).masked_fill(
            src == PAD, float("-inf")
        )
        tgt_padding_mask = torch.zeros(tgt.shape, device=tgt.device).masked_fill(
            tgt == PAD, float("-inf")
        )
        outs = self.transformer(
            self.positional_encoding(self.src_embedding(src) * math.sqrt(self.d_model)),
            self.positional_encoding(self.tgt_embedding(tgt) * math.sqrt(self.d_model)),
            tgt_mask=tgt_mask,
            src_key_padding_mask=src_padding_mask,
            tgt_key_padding_mask=tgt_padding_mask,
            memory_key_padding_mask=src_padding_mask,
        )
        return self.generator(outs)


def make_pairs(pairs, vocab_size, max_len):
    """Random sequences of 4 to max_len tokens; the translation is the reversed sequence."""
    src = torch.full((pairs, max_len), PAD)
    tgt = torch.full((pairs, max_len + 2), PAD)
    for row, length in enumerate(torch.randint(4, max_len + 1, (pairs,)).tolist()):
        tokens = torch.randint(3, vocab_size, (length,))
        src[row, :length] = tokens
        tgt[row, 0] = BOS
        tgt[row, 1 : length + 1] = tokens.flip(0)
        tgt[row, length + 1] = EOS
    return TensorDataset(src, tgt)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    vocab_size = 24
    dataset = make_pairs(160, vocab_size, max_len=10)
    generator = torch.Generator()
    generator.manual_seed(args.seed)
    loader = DataLoader(dataset, batch_size=16, shuffle=True, generator=generator)

    model = Seq2SeqTransformer(vocab_size)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.98), eps=1e-9)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=8)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[8])

    start_epoch, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        torch.set_rng_state(checkpoint["rng_state"])
        generator.set_state(checkpoint["generator"])
        start_epoch = checkpoint["epoch"]

    epochs = math.ceil(args.steps / len(loader))
    step = start_epoch * len(loader)
    for epoch in range(start_epoch, epochs):
        model.train()
        for src, tgt in loader:
            if step == args.steps:
                break
            tgt_input, tgt_out = tgt[:, :-1], tgt[:, 1:]
            logits = model(src, tgt_input)
            optimizer.zero_grad()
            loss = criterion(logits.reshape(-1, logits.shape[-1]), tgt_out.reshape(-1))
            loss.backward()
            optimizer.step()
            scheduler.step()
            step += 1
            losses.append(loss.item())
            lr = optimizer.param_groups[0]["lr"]
            print(f"epoch {epoch} step {step} lr {lr:.6f} loss {loss.item():.6f}")

    if args.save:
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "rng_state": torch.get_rng_state(),
                "generator": generator.get_state(),
                "epoch": epochs,
            },
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
