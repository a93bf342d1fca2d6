"""Mixed precision on the CPU: bfloat16 autocast, GradScaler, OneCycleLR and gradient clipping."""

import argparse
import json

import torch
import torch.nn as nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset


class MLPMixerBlock(nn.Module):
    """A pre-norm residual block: LayerNorm, two linear layers, GELU and dropout."""

    def __init__(self, dim, expansion=2, dropout=0.1):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.Sequential(
            nn.Linear(dim, expansion * dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * dim, dim),
        )

    def forward(self, x):
        return x + self.layers(self.norm(x))


class Regressor(nn.Module):
    """Blocks in mixed precision around a residual stream and a head in float32."""

    def __init__(self, features=16, dim=64, depth=2):
        super().__init__()
        self.stem = nn.Linear(features, dim)
        self.blocks = nn.ModuleList([MLPMixerBlock(dim) for _ in range(depth)])
        self.head = nn.Linear(dim, 1)

    def forward(self, x):
        x = self.stem(x).float()
        for block in self.blocks:
            x = block(x)
        with torch.autocast("cpu", enabled=False):
            return self.head(x).squeeze(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--no-amp", action="store_true", help="train in float32")
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    features = torch.randn(2560, 16)
    targets = torch.tanh(features @ torch.randn(16)) + 2.0 * torch.randn(2560)
    loader = DataLoader(TensorDataset(features, targets), batch_size=256, shuffle=True)

    model = Regressor()
    criterion = nn.SmoothL1Loss(beta=0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    scheduler = OneCycleLR(optimizer, max_lr=3e-4, total_steps=60, pct_start=0.3)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=not args.no_amp)

    start_epoch, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        scaler.load_state_dict(checkpoint["scaler"])
        torch.set_rng_state(checkpoint["rng_state"])
        start_epoch = checkpoint["epoch"]

    epochs = -(-args.steps // len(loader))
    step = start_epoch * len(loader)
    for epoch in range(start_epoch, epochs):
        model.train()
        for x, y in loader:
            if step == args.steps:
                break
            optimizer.zero_grad(set_to_none=True)
            with torch.amp.autocast("cpu", dtype=torch.bfloat16, enabled=not args.no_amp):
                output = model(x)
            loss = criterion(output, y)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            norm = clip_grad_norm_(model.parameters(), max_norm=1.0)
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()
            step += 1
            losses.append(loss.item())
            lr, momentum = scheduler.get_last_lr()[0], optimizer.param_groups[0]["betas"][0]
            print(
                f"epoch {epoch} step {step} lr {lr:.6f} beta1 {momentum:.4f} "
                f"norm {norm.item():.4f} loss {loss.item():.6f}"
            )

    if args.save:
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "scaler": scaler.state_dict(),
                "rng_state": torch.get_rng_state(),
                "epoch": epochs,
            },
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
