"""A variational autoencoder on synthetic images: reparameterisation, BCE and KL divergence, Adam."""

import argparse
import json

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class Blobs(Dataset):
    """Images of one Gaussian blob each, at a random place."""

    def __init__(self, samples=400, size=14):
        grid = torch.arange(size, dtype=torch.float32)
        centres = torch.rand(samples, 2) * (size - 1)
        rows = torch.exp(-0.5 * ((grid[None, :] - centres[:, :1]) / 2.0) ** 2)
        columns = torch.exp(-0.5 * ((grid[None, :] - centres[:, 1:]) / 2.0) ** 2)
        self.images = (rows[:, :, None] * columns[:, None, :]).clamp(0, 1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


class VAE(nn.Module):
    """One hidden layer on each side of an 8-dimensional code."""

    def __init__(self, pixels=196, hidden=64, latent=8):
        super().__init__()
        self.pixels = pixels
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc_mu = nn.Linear(hidden, latent)
        self.fc_logvar = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, pixels), nn.Sigmoid()
        )

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, self.pixels))
        z = self.reparameterize(mu, logvar)
        return self.decoder(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 196), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kld) / x.size(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    dataset = Blobs()
    loader = DataLoader(dataset, batch_size=40, shuffle=True, drop_last=True)
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)

    step, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["scheduler"])
        torch.set_rng_state(checkpoint["rng_state"])
        step = checkpoint["step"]

    model.train()
    while step < args.steps:
        total = 0.0
        for batch in loader:
            optimizer.zero_grad()
            recon, mu, logvar = model(batch)
            loss = loss_function(recon, batch, mu, logvar)
            loss.backward()
            optimizer.step()
            step += 1
            total += loss.item()
            losses.append(loss.item())
            print(f"step {step} loss {loss.item():.6f}")
            if step >= args.steps:
                break
        scheduler.step(total / len(loader))

    with torch.no_grad():
        rng_state = torch.get_rng_state()
        sample = model.decoder(torch.randn(4, 8)).view(4, 14, 14)
        print(f"samples lie in [{sample.min():.3f}, {sample.max():.3f}]")

    if args.save:
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "scheduler": scheduler.state_dict(),
                "rng_state": rng_state,
                "step": step,
            },
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
