"""A curve fitted with LBFGS, its closure and a strong Wolfe line search, in double precision."""

import argparse
import json

import torch
from torch import nn


class Curve(nn.Module):
    """A one-hidden-layer network plus a sine whose frequency and phase are learned."""

    def __init__(self, hidden=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.amplitude = nn.Parameter(torch.ones(1))
        self.omega = nn.Parameter(torch.tensor(2.5))
        self.phase = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.net(x) + self.amplitude * torch.sin(self.omega * x + self.phase)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_default_dtype(torch.float64)
    x = torch.linspace(-2, 2, 80).unsqueeze(1)
    y = 0.3 * x**2 + 1.5 * torch.sin(3.0 * x + 0.4) + 0.1 * torch.randn_like(x)

    model = Curve()
    criterion = nn.MSELoss()
    optimizer = torch.optim.LBFGS(
        model.parameters(), lr=1.0, max_iter=4, history_size=10, line_search_fn="strong_wolfe"
    )

    step, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        step = checkpoint["step"]

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(x), y) + 1e-3 * sum((p**2).sum() for p in model.parameters())
        loss.backward()
        return loss

    while step < args.steps:
        loss = optimizer.step(closure)
        step += 1
        losses.append(loss.item())
        print(f"step {step} loss {loss.item():.10f}")
    print(f"frequency {model.omega.item():.3f}, phase {model.phase.item():.3f}")

    if args.save:
        torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step},
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
