"""A DCGAN-style pair of networks with two optimizers, detach and BCEWithLogitsLoss."""

import argparse
import json

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

NZ = 16


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    """Noise of shape (N, 16, 1, 1) to images of shape (N, 1, 16, 16)."""

    def __init__(self, ngf=8):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(NZ, ngf * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, noise):
        return self.main(noise)


class Discriminator(nn.Module):
    """Images to one logit each."""

    def __init__(self, ndf=8):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 4, 1, 0, bias=False),
        )

    def forward(self, image):
        return self.main(image).view(-1)


def make_images(samples=200, size=16):
    """Horizontal and vertical stripes with random phase, in [-1, 1]."""
    phase = 6.28 * torch.rand(samples, 1, 1, 1)
    grid = torch.linspace(0, 12, size).view(1, 1, 1, size)
    stripes = torch.sin(grid + phase).expand(samples, 1, size, size)
    upright = torch.rand(samples, 1, 1, 1) < 0.5
    return torch.where(upright, stripes, stripes.transpose(2, 3)).contiguous()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=999)
    parser.add_argument("--losses", help="write the losses to this JSON file")
    parser.add_argument("--save", help="write a checkpoint here at the end")
    parser.add_argument("--resume", help="go on from this checkpoint")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    dataloader = DataLoader(TensorDataset(make_images()), batch_size=20, shuffle=True)
    netG = Generator()
    netG.apply(weights_init)
    netD = Discriminator()
    netD.apply(weights_init)
    criterion = nn.BCEWithLogitsLoss()
    fixed_noise = torch.randn(4, NZ, 1, 1)
    optimizerD = torch.optim.Adam(netD.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=0.0002, betas=(0.5, 0.999))

    step, losses = 0, []
    if args.resume:
        checkpoint = torch.load(args.resume)
        netG.load_state_dict(checkpoint["netG"])
        netD.load_state_dict(checkpoint["netD"])
        optimizerG.load_state_dict(checkpoint["optimizerG"])
        optimizerD.load_state_dict(checkpoint["optimizerD"])
        torch.set_rng_state(checkpoint["rng_state"])
        step = checkpoint["step"]

    while step < args.steps:
        for (real,) in dataloader:
            b_size = real.size(0)
            label = torch.full((b_size,), 1.0, dtype=torch.float)

            netD.zero_grad()
            errD_real = criterion(netD(real), label)
            errD_real.backward()
            noise = torch.randn(b_size, NZ, 1, 1)
            fake = netG(noise)
            label.fill_(0.0)
            errD_fake = criterion(netD(fake.detach()), label)
            errD_fake.backward()
            errD = errD_real + errD_fake
            optimizerD.step()

            netG.zero_grad()
            label.fill_(1.0)
            errG = criterion(netD(fake), label)
            errG.backward()
            optimizerG.step()

            step += 1
            losses += [errD.item(), errG.item()]
            print(f"step {step} loss_D {errD.item():.6f} loss_G {errG.item():.6f}")
            if step >= args.steps:
                break

    with torch.no_grad():
        print(f"fake images have standard deviation {netG(fixed_noise).detach().std():.4f}")

    if args.save:
        torch.save(
            {
                "netG": netG.state_dict(),
                "netD": netD.state_dict(),
                "optimizerG": optimizerG.state_dict(),
                "optimizerD": optimizerD.state_dict(),
                "rng_state": torch.get_rng_state(),
                "step": step,
            },
            args.save,
        )
    if args.losses:
        with open(args.losses, "w") as file:
            json.dump(losses, file)


if __name__ == "__main__":
    main()
